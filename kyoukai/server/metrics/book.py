"""The supervisor's side of the metrics: the memory regions of its workers, and their sum."""

import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from .layout import ACCEPTED, CLOSED, DUE, LAG, LAG_BUCKETS, PROCESS_CELLS, UNANSWERED
from .region import Labels, Region


class Totals(NamedTuple):
    """The counts of all workers together."""

    series: dict[Labels, list[float]]
    accepted: int
    unanswered: int
    lag: float
    """Sum of all measurements in seconds."""
    lag_buckets: list[float]
    """Number of measurements by bucket; the last bucket has no bound."""
    open: dict[str, int]
    """Open connections, by worker."""
    late: dict[str, float]
    """Seconds that each worker's event loop is late at this moment."""


class Book:
    """The regions of one supervisor. Use it in one thread only."""

    def __init__(self) -> None:
        self._ended = Region.create()
        self._live: dict[Region, str] = {}
        self._inherited: list[Region] = []
        self._is_held = False

    def open(self, worker: str) -> Region:
        """Return a new region for a worker that is about to start.

        :param worker: its name. A worker and its successor may share one.
        """
        region = Region.create()
        self._live[region] = worker
        return region

    def close(self, region: Region) -> None:
        """Keep the counts of an ended worker, however it ended."""
        if self._is_held:
            return
        if self._live.pop(region, None) is not None:
            self._ended.absorb(region)
            region.close()

    # Handover from an old supervisor to a new one.

    def hold(self) -> list[int]:
        """Return the descriptors of all regions, and stop moving counts between regions.

        The new supervisor sums them up. It would count moved values twice.
        """
        self._is_held = True
        return [region.descriptor for region in self._regions]

    def inherit(self, regions: Iterable[Region]) -> None:
        """Include the counts of another supervisor's workers, which still count.

        :param regions: their regions. The book takes ownership of them.
        """
        self._inherited += regions

    def settle(self) -> None:
        """Keep the counts of inherited regions: all their workers have ended."""
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
        """Return the sum of all counts so far."""
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
