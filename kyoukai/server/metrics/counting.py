"""Count in a worker: responses, refusals, connections, and the lag of the event loop."""

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
    FIRST,
    LAG,
    LAG_BUCKETS,
    LAGS,
    LATER,
    RECEIVED,
    SENT,
    SUM,
    UNANSWERED,
    base_of,
)
from .region import OTHER, Labels, Region

INTERVAL: Final = 0.5
"""Seconds between two measurements of the event loop's lag."""


PLAIN: Final = range(200, 400)
"""The statuses of responses that are not errors."""


class Series:
    """A series with a copy of its counts, so that written numbers need not be read again.

    The number of responses is written at once, so that no end of the process loses one. Sums of seconds and
    bytes would take as long again; :meth:`Counting.flush` writes them.
    """

    __slots__ = (
        "base",
        "cell",
        "cells",
        "first",
        "last",
        "later",
        "method",
        "more",
        "plain",
        "received",
        "size",
        "status",
        "sum",
    )

    def __init__(self, region: Region, base: int, size: int) -> None:
        self.base = base
        self.cell: Any = region.cell(base + FIRST)
        """The memory cells of :attr:`first`, and of each number in :attr:`later`."""
        self.cells = [self.cell, *(region.cell(base + LATER + place) for place in range(len(DURATIONS)))]
        self.method = ""
        self.status = -1
        self.last: RequestHead | None = None
        """The request head that was counted last."""
        self.plain: RequestHead | None = None
        """The same head, if it has no body and the response is no error: nothing else needs counting then."""
        self.first = 0.0
        self.later = [0.0] * (len(DURATIONS) + 1)
        """Number of slower responses, by bucket of the histogram; the first bucket is :attr:`first`."""
        self.sum = 0.0
        self.size = size
        """Bytes of the first response. Most have the same size, and then nothing needs adding."""
        self.more = 0
        """Sum of the differences between the other responses' sizes and :attr:`size`, in bytes."""
        self.received = 0

    def count_later(self, bucket: int) -> None:
        """Count a response slower than the first bound."""
        self.later[bucket] = self.cells[bucket][()] = self.later[bucket] + 1.0

    def flush(self, cells: Any) -> None:
        """Write the sums."""
        cells[self.base + SUM] = self.sum
        cells[self.base + SENT] = int(self.first + sum(self.later)) * self.size + self.more


class Counting:
    """Counts in a region.

    Unregistered methods are counted as ``other``, and requests by the rule of their route instead of their
    path, so that clients cannot create series.

    :param region: the region; no other process writes to it.
    """

    def __init__(self, region: Region) -> None:
        self.region = region
        self.observe = make_observer(self, region)
        """Counts one exchange: see :mod:`kyoukai.core.serving.observing`."""
        self._cells = region.cells
        self._series: dict[int, Series] = {}
        self._timer: asyncio.TimerHandle | None = None

    def find(self, exchange: Exchange, request: Any) -> Series:
        """Return the series of an answered exchange."""
        method = exchange.head.method
        name = method if method in REGISTERED else OTHER
        base = self.region.place(Labels(name, exchange.status, route_of(request) or ""))
        series = self._series.get(base)
        if series is None:
            self._series[base] = series = Series(self.region, base, exchange.sent)
            if base != base_of(0) and name == method:
                series.method, series.status = method, exchange.status
        return series

    def turn(self, series: Series, exchange: Exchange, request: Any) -> Series | None:
        """Return the series of an exchange if it may differ from the last one of the route.

        This also counts what is rare: a body, and a refusal.

        :param series: the route's last series. The returned series replaces it.
        :return: ``None`` if there was no response.
        """
        status, head = exchange.status, exchange.head
        if not status:
            self._cells[UNANSWERED] += 1.0
            return None
        if series.status != status or (series.last is not head and series.method != head.method):
            series = self.find(exchange, request)
            with contextlib.suppress(AttributeError):  # No route matched, or it takes no attributes.
                request.matched_route.observed = series
        if series.last is not head:
            series.last = head
            # A request with an accepted head and no body can no longer be refused.
            series.plain = head if head.body_size == 0 and series.status in PLAIN else None
        if exchange.content is not None or exchange.body is not None:
            series.received += exchange.received
            self._cells[series.base + RECEIVED] = series.received
        if exchange.error is not None:
            self.count_refusal(status, exchange.error)
        return series

    def count_refusal(self, status: int, error: Exception) -> None:
        """Count a refused request."""
        if isinstance(error, ProtocolError):
            self._cells[self.region.place(Labels("", status, error.identifier))] += 1.0

    def opened(self) -> None:
        """Count a new connection."""
        self._cells[ACCEPTED] += 1.0

    def lost(self) -> None:
        """Count the end of a connection."""
        self._cells[CLOSED] += 1.0

    def start(self) -> None:
        """Begin to measure the event loop's lag. Call this in the loop."""
        self._measure_after(asyncio.get_running_loop())

    def flush(self) -> None:
        """Write the sums of seconds and bytes: twice a second, and at the end of the process."""
        for series in self._series.values():
            series.flush(self._cells)

    def stop(self) -> None:
        """Stop counting and measuring."""
        self.flush()
        for series in self._series.values():
            # Routes may be counted by another object afterwards.
            series.status, series.plain = -1, None
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
    """Return a function that counts an exchange. A function is faster to call than an object."""
    shortest = DURATIONS[0]
    unknown = Series(region, base_of(0), 0)

    def observe(exchange: Exchange, request: Any, response: Any) -> None:
        # Each route stores the series of its last response.
        try:
            series = request.matched_route.observed
        except AttributeError:
            series = unknown
        # Most requests of a route have the same method and status. Equal heads are mostly the same object,
        # and comparing two heads by identity is faster than reading a head's method.
        if series.plain is not exchange.head or series.status != exchange.status:
            found = counting.turn(series, exchange, request)
            if found is None:
                return
            series = found
        duration = perf_counter() - exchange.began
        series.sum += duration
        if exchange.sent != series.size:
            series.more += exchange.sent - series.size
        if duration <= shortest:
            series.first = series.cell[()] = series.first + 1.0
        else:
            series.count_later(bisect_left(DURATIONS, duration))

    observe.is_contained = True  # type: ignore[attr-defined]
    return observe
