"""Counting in a worker: answers, refusals, connections, and how late the event loop is."""

import asyncio
import contextlib
import time
from bisect import bisect_left
from time import perf_counter
from typing import Any, Final

from kyoukai.core.errors import ProtocolError
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.semantics.methods import REGISTERED
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.observing import Observe, route_of

from .layout import (
    ACCEPTED,
    CLOSED,
    DUE,
    DURATIONS,
    LAG,
    LAG_BUCKETS,
    LAGS,
    LATER,
    MAX_SERIES,
    RECEIVED,
    SENT,
    SUM,
    UNANSWERED,
    base_of,
)
from .region import OTHER, Labels, Region

INTERVAL: Final = 0.5
"""Seconds between two measurements of the event loop's lag."""


class Series:
    """A series, and its first three numbers: what has been written of them need not be read again.

    That there was an answer is written at once, so that no end of the process loses it. The seconds and the
    bytes of all together, which would take as long again, are written by :meth:`Counting.flush`.
    """

    __slots__ = ("base", "first", "head", "method", "sent", "status", "sum")

    def __init__(self, base: int) -> None:
        self.base = base
        self.method = ""
        self.head: RequestHead | None = None
        """The last one that was counted."""
        self.status = 0
        self.first = self.sum = self.sent = 0.0


class Counting:
    """Counts in a region.

    Methods that are not registered are counted as ``other``, and requests by the rule of their route, never
    by their path: clients cannot make series.

    :param region: no other process writes to it.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self.observe = make_observer(self, region)
        """Counts one exchange: see :mod:`kyoukai.core.serving.observing`."""
        self._cells = region.cells
        self._series: dict[int, Series] = {}
        self._timer: asyncio.TimerHandle | None = None

    def find(self, exchange: Exchange, request: Any) -> Series:
        """Return the series of an exchange that has an answer."""
        method = exchange.head.method
        name = method if method in REGISTERED else OTHER
        base = self.region.place(Labels(name, exchange.status, route_of(request) or ""))
        series = self._series.get(base)
        if series is None:
            self._series[base] = series = Series(base)
            if base != base_of(0) and name == method:
                series.method, series.status = method, exchange.status
        return series

    def begin(self, last: dict[Any, Series], exchange: Exchange, request: Any) -> Series:
        """Return the series of an exchange, and note it as the last one of its route."""
        series = self.find(exchange, request)
        if len(last) > MAX_SERIES:  # An application makes routes as it goes on.
            last.clear()
        with contextlib.suppress(AttributeError, TypeError):
            last[request.matched_route] = series
        return series

    def count_unanswered(self) -> None:
        """Count a request that had no answer."""
        self._cells[UNANSWERED] += 1.0

    def count_refusal(self, status: int, error: Exception) -> None:
        """Count a request that was refused."""
        if isinstance(error, ProtocolError):
            self._cells[self.region.place(Labels("", status, error.description or ""))] += 1.0

    def opened(self) -> None:
        """Count a connection that opens."""
        self._cells[ACCEPTED] += 1.0

    def lost(self) -> None:
        """Count a connection that is gone."""
        self._cells[CLOSED] += 1.0

    def start(self) -> None:
        """Begin to measure the event loop's lag. It is called in the loop."""
        self._measure_after(asyncio.get_running_loop())

    def flush(self) -> None:
        """Write the sums of seconds and bytes. It is called twice a second, and at the end of the process."""
        cells = self._cells
        for base, series in self._series.items():
            cells[base + SUM], cells[base + SENT] = series.sum, series.sent

    def stop(self) -> None:
        """Measure no more."""
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        self._cells[DUE] = 0.0

    def _measure_after(self, loop: asyncio.AbstractEventLoop) -> None:
        self._cells[DUE] = time.monotonic() + INTERVAL
        self._timer = loop.call_later(INTERVAL, self._measure, loop)

    def _measure(self, loop: asyncio.AbstractEventLoop) -> None:
        cells = self._cells
        lag = max(0.0, time.monotonic() - cells[DUE])
        cells[LAG_BUCKETS + bisect_left(LAGS, lag)] += 1.0
        cells[LAG] += lag
        self.flush()
        self._measure_after(loop)


def make_observer(counting: Counting, region: Region) -> Observe:
    """Return what counts an exchange; a function, as that is called faster than an object."""
    shortest = DURATIONS[0]
    cells = region.cells
    last: dict[Any, Series] = {}

    def observe(exchange: Exchange, request: Any, response: Any) -> None:
        duration = perf_counter() - exchange.began
        status = exchange.status
        if not status:
            counting.count_unanswered()
            return
        # A route is mostly asked by the same method, and answers with the same status. Heads that are the
        # same are one object mostly, and to read the method of one takes as long as all of this.
        head = exchange.head
        try:
            series = last[request.matched_route]
        except (KeyError, AttributeError, TypeError):  # It is none of ours, if it has no hash.
            series = counting.begin(last, exchange, request)
        if series.status != status or (series.head is not head and series.method != head.method):
            series = counting.begin(last, exchange, request)
        series.head = head
        series.sum += duration
        series.sent += exchange.sent
        if duration <= shortest:
            series.first = cells[series.base] = series.first + 1.0
        else:
            cells[series.base + LATER - 1 + bisect_left(DURATIONS, duration)] += 1.0
        if exchange.body is not None or exchange.content is not None:
            cells[series.base + RECEIVED] += exchange.received
        if exchange.error is not None:
            counting.count_refusal(status, exchange.error)

    observe.is_contained = True  # type: ignore[attr-defined]
    return observe
