"""The supervisor's side: the regions of its workers, and the sum of all that they have counted."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from .layout import ACCEPTED, CLOSED, DUE, LAG, LAG_BUCKETS, PROCESS_CELLS, UNANSWERED
from .region import Labels, Region


class Totals(NamedTuple):
    """What has been counted, by all workers together."""

    series: dict[Labels, list[float]]
    accepted: int
    unanswered: int
    lag: float
    """Seconds, of all measurements together."""
    lag_buckets: list[float]
    """How many measurements there are of each bucket; the last has no bound."""
    open: dict[str, int]
    """Connections that are open, by worker."""
    late: dict[str, float]
    """Seconds that the event loop of each worker is late by now."""


class Book:
    """The regions of one supervisor. It is used in one thread."""

    def __init__(self) -> None:
        self._ended = Region.create()
        self._live: dict[Region, str] = {}
        self._inherited: list[Region] = []
        self._is_held = False

    def open(self, worker: str) -> Region:
        """Return a new region, for a worker that is about to start.

        :param worker: its name. Two may have the same, while one takes the place of the other.
        """
        region = Region.create()
        self._live[region] = worker
        return region

    def close(self, region: Region) -> None:
        """Keep what a worker has counted that has ended, however it did."""
        if self._is_held:
            return
        if self._live.pop(region, None) is not None:
            self._ended.absorb(region)
            region.close()

    # Between two supervisors, of which one takes the place of the other.

    def hold(self) -> list[int]:
        """Return the descriptors of all regions, and leave them as they are from now on.

        Another supervisor sums them up: what moved from one to the other would be counted twice there.
        """
        self._is_held = True
        return [region.descriptor for region in self._regions]

    def inherit(self, regions: Iterable[Region]) -> None:
        """Count what the workers of another supervisor have counted, and still do.

        :param regions: they are this book's from now on.
        """
        self._inherited += regions

    def settle(self) -> None:
        """Keep what they have counted: all of them have ended."""
        if self._is_held:
            return
        for region in self._inherited:
            self._ended.absorb(region)
            region.close()
        self._inherited.clear()

    @property
    def _regions(self) -> list[Region]:
        return [self._ended, *self._inherited, *self._live]

    def sum(self) -> Totals:
        """Return the sum of what has been counted by now."""
        series: dict[Labels, list[float]] = {}
        process = [0.0] * PROCESS_CELLS
        for region in self._regions:
            for labels, numbers in region.read_series():
                known = series.get(labels)
                if known is None:
                    series[labels] = numbers
                else:
                    series[labels] = [a + b for a, b in zip(known, numbers, strict=True)]
            process = [a + b for a, b in zip(process, region.read_process(), strict=True)]
        now = time.monotonic()
        opened: Counter[str] = Counter()
        late: dict[str, float] = {}
        for region, worker in self._live.items():
            cells = region.cells
            opened[worker] += int(cells[ACCEPTED] - cells[CLOSED])
            if cells[DUE]:
                late[worker] = max(late.get(worker, 0.0), now - cells[DUE])
        return Totals(
            series=series,
            accepted=int(process[ACCEPTED]),
            unanswered=int(process[UNANSWERED]),
            lag=process[LAG],
            lag_buckets=process[LAG_BUCKETS:],
            open=dict(opened),
            late=late,
        )

    def shut(self) -> None:
        """Close all regions in this process."""
        for region in self._regions:
            region.close()
        self._live.clear()
        self._inherited.clear()
