"""A supervisor's counts of its workers. They survive an upgrade: the new supervisor continues them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from kyoukai.server.metrics.book import Book
from kyoukai.server.metrics.region import Region
from kyoukai.server.supervisor.handover import LAYOUT


class Tally:
    """Keeps the counts.

    :param book: keeps the counts of workers; ``None``: they count nothing.
    """

    def __init__(self, book: Book | None = None) -> None:
        self.book: Final = book
        self.ends: Counter[str] = Counter()
        """Number of ended workers, by reason."""
        self.untold: Counter[str] = Counter()
        """The part of ``ends`` that the new supervisor has not been told of yet."""

    def end(self, reason: str, region: Region | None) -> None:
        """Count the end of a worker.

        :param region: the memory region with its counts.
        """
        self.add({reason: 1})
        if self.book is not None and region is not None:
            self.book.close(region)

    def add(self, ends: Mapping[str, int]) -> None:
        """Count the ends of several workers."""
        self.ends.update(ends)
        self.untold.update(ends)

    def hold(self) -> list[int]:
        """Freeze the counts, and return the descriptors of their regions for the new supervisor."""
        return [] if self.book is None else self.book.hold()

    def inherit(self, ends: Mapping[str, int], descriptors: Sequence[int], layout: object) -> bool:
        """Continue the counts of an old supervisor, whose workers still count.

        :param layout: the layout of its regions.
        :return: whether that is possible: another version may use another layout.
        """
        self.add(ends)
        if self.book is not None and layout == LAYOUT:
            self.book.inherit(map(Region, descriptors))
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        return not descriptors

    def settle(self) -> None:
        """Record that the old supervisor's workers have ended, so their counts are final."""
        if self.book is not None:
            self.book.settle()
