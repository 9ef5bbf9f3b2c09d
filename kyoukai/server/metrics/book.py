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
    ends: dict[str, int]
    """Workers that have ended, by the reason."""


class Book:
    """The regions of one supervisor. It is used in one thread.

    :param inherited: regions of another supervisor, which this one takes the place of: what its workers
        still count is counted here, too.
    """

    def __init__(self, inherited: Iterable[Region] = ()) -> None:
        self._ended = Region.create()
        self._live: dict[str, Region] = {}
        self._inherited = list(inherited)
        self.ends: Counter[str] = Counter()

    def open(self, worker: str) -> Region:
        """Return a new region, for a worker that is about to start.

        :param worker: its name, which no other one has that lives.
        """
        self._live[worker] = region = Region.create()
        return region

    def close(self, worker: str, reason: str) -> None:
        """Keep what a worker has counted that has ended, however it did.

        :param reason: why it ended; empty, if it was not asked for and is not to be counted.
        """
        region = self._live.pop(worker, None)
        if region is not None:
            self._ended.absorb(region)
            region.close()
        if reason:
            self.ends[reason] += 1

    @property
    def descriptors(self) -> list[int]:
        """Of all regions: a supervisor that takes the place of this one is given them."""
        return [region.descriptor for region in self._regions]

    @property
    def _regions(self) -> list[Region]:
        return [self._ended, *self._inherited, *self._live.values()]

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
        live = {worker: region.read_process() for worker, region in self._live.items()}
        return Totals(
            series=series,
            accepted=int(process[ACCEPTED]),
            unanswered=int(process[UNANSWERED]),
            lag=process[LAG],
            lag_buckets=process[LAG_BUCKETS:],
            open={worker: int(cells[ACCEPTED] - cells[CLOSED]) for worker, cells in live.items()},
            late={worker: max(0.0, now - cells[DUE]) for worker, cells in live.items() if cells[DUE]},
            ends=dict(self.ends),
        )

    def shut(self) -> None:
        """Close all regions in this process."""
        for region in self._regions:
            region.close()
        self._live.clear()
        self._inherited.clear()
