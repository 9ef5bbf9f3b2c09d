"""What a supervisor counts of its workers, which outlives it where another one takes its place."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from kyoukai.server.metrics.book import Book
from kyoukai.server.metrics.region import Region
from kyoukai.server.supervisor.handover import LAYOUT


class Tally:
    """Keeps the counts.

    :param book: what keeps the counts of workers; ``None``: they count nothing.
    """

    def __init__(self, book: Book | None = None) -> None:
        self.book: Final = book
        self.ends: Counter[str] = Counter()
        """How many workers have ended, by the reason."""
        self.untold: Counter[str] = Counter()
        """Those that another supervisor, which goes on, has not been told of."""

    def end(self, reason: str, region: Region | None) -> None:
        """Count the end of a worker.

        :param region: what it has counted in.
        """
        self.add({reason: 1})
        if self.book is not None and region is not None:
            self.book.close(region)

    def add(self, ends: Mapping[str, int]) -> None:
        """Count the ends of several workers."""
        self.ends.update(ends)
        self.untold.update(ends)

    def hold(self) -> list[int]:
        """Return the descriptors of what has been counted. Another supervisor goes on with it from now on."""
        return [] if self.book is None else self.book.hold()

    def inherit(self, ends: Mapping[str, int], descriptors: Sequence[int], layout: object) -> bool:
        """Go on with what another supervisor's workers have counted, and still count.

        :param layout: how its regions are laid out.
        :return: whether that can be: another version may count otherwise.
        """
        self.add(ends)
        if self.book is not None and layout == LAYOUT:
            self.book.inherit(map(Region, descriptors))
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        return not descriptors

    def settle(self) -> None:
        """Take note that the other supervisor's workers count no more."""
        if self.book is not None:
            self.book.settle()
