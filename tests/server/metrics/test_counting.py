"""Counting in a worker: what is counted apart, and that clients cannot make series."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.errors import BadRequest, refused
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.server.metrics import counting as counting_module
from kyoukai.server.metrics.counting import Counting
from kyoukai.server.metrics.layout import (
    ACCEPTED,
    CLOSED,
    DUE,
    DURATIONS,
    LAG,
    LAG_BUCKETS,
    LAGS,
    RECEIVED,
    SENT,
    SUM,
    UNANSWERED,
    counts,
)
from kyoukai.server.metrics.region import OTHER, OVERFLOW, Labels, Region


@pytest.fixture
def counting(monkeypatch):
    monkeypatch.setattr(counting_module, "perf_counter", lambda: 100.0)
    region = Region.create()
    yield Counting(region)
    gc.collect()
    region.close()


PLAIN = RequestHead("GET")
"""A head that is sent again and again."""


def answered(method: str = "GET", status: int = 200, duration: float = 0.0, **others: Any) -> Any:
    """Return an exchange, as an observer sees it."""
    values = {"sent": 0, "received": 0, "body": None, "content": None, "error": None, **others}
    values.setdefault("head", RequestHead(method))
    return SimpleNamespace(status=status, began=100.0 - duration, **values)


def asked(rule: str) -> Any:
    """Return a request that a route took."""
    return SimpleNamespace(matched_route=Route(rule))


class Route:
    """A route, as an application leaves it."""

    observed: Any

    def __init__(self, rule: str) -> None:
        self.rule = SimpleNamespace(rule=rule)


def numbers(counting: Counting) -> dict[Labels, int]:
    """Return how many there are of each series that has some."""
    found = {labels: int(sum(counts(cells))) for labels, cells in counting.region.read_series()}
    return {labels: count for labels, count in found.items() if count}


def test_requests_by_method_status_and_route(counting):
    guests = asked("/guests/<int:id>")
    for exchange, request in (
        (answered(), guests),
        (answered(), guests),
        (answered("HEAD"), guests),
        (answered(status=404), guests),
        (answered(), guests),
        (answered(), asked("/other")),
        (answered(status=404), SimpleNamespace()),
        (answered(status=404), None),
        (answered(status=404), SimpleNamespace(matched_route=[])),
    ):
        counting.observe(exchange, request, None)
    assert numbers(counting) == {
        Labels("GET", 200, "/guests/<int:id>"): 3,
        Labels("HEAD", 200, "/guests/<int:id>"): 1,
        Labels("GET", 404, "/guests/<int:id>"): 1,
        Labels("GET", 200, "/other"): 1,
        Labels("GET", 404, ""): 3,
    }


def test_durations_and_sizes(counting):
    route = asked("/a")
    durations = [0.0, *DURATIONS, 11.0]
    for duration in durations:
        exchange = answered(duration=duration * 0.999, sent=3, received=5, content=b"12345")
        counting.observe(exchange, route, None)
    counting.flush()
    [cells] = [cells for labels, cells in counting.region.read_series() if labels != OVERFLOW]
    assert counts(cells) == [2.0, *[1.0] * len(DURATIONS)]
    assert cells[SUM] == pytest.approx(0.999 * sum(durations))
    assert cells[SENT] == 3 * len(durations)
    assert cells[RECEIVED] == 5 * len(durations)


def test_sizes_of_answers_that_differ(counting):
    sizes = [7, 7, 0, 100_000, 7, 12]
    route = asked("/a")
    for size, duration in zip(sizes, (0.0, 1.0) * 3, strict=True):
        counting.observe(answered(head=PLAIN, sent=size, duration=duration), route, None)
        counting.flush()
        counting.flush()
    assert numbers(counting) == {Labels("GET", 200, "/a"): len(sizes)}
    [cells] = [cells for labels, cells in counting.region.read_series() if labels != OVERFLOW]
    assert (cells[SENT], cells[SUM]) == (sum(sizes), pytest.approx(3.0))


def test_heads_that_are_one_object(counting):
    one, other = asked("/a"), asked("/b")
    head = RequestHead("HEAD")
    for exchange, request in (
        (answered(head=PLAIN), one),
        (answered(head=PLAIN), one),
        (answered(head=PLAIN), other),
        (answered(head=head), one),
        (answered(head=PLAIN), one),
        (answered(head=PLAIN, status=500), one),
        (answered(head=PLAIN, status=500), one),
        (answered(head=PLAIN, status=0), one),
        (answered(head=PLAIN), one),
    ):
        counting.observe(exchange, request, None)
    assert numbers(counting) == {
        Labels("GET", 200, "/a"): 4,
        Labels("GET", 200, "/b"): 1,
        Labels("HEAD", 200, "/a"): 1,
        Labels("GET", 500, "/a"): 2,
    }
    assert counting.region.cells[UNANSWERED] == 1


def test_bodies_and_refusals_of_heads_that_are_one_object(counting):
    route = asked("/a")
    head = RequestHead("POST", body_size=3)
    for _ in range(2):
        counting.observe(answered(head=head, received=3, content=b"abc"), route, None)
        counting.observe(answered(head=head, received=2, body=object(), error=BadRequest()), route, None)
        counting.observe(answered(head=PLAIN, status=400, error=BadRequest()), route, None)
    assert numbers(counting) == {
        Labels("POST", 200, "/a"): 4,
        Labels("GET", 400, "/a"): 2,
        Labels("", 200, "message-malformed"): 2,
        Labels("", 400, "message-malformed"): 2,
    }
    found = dict(counting.region.read_series())
    assert found[Labels("POST", 200, "/a")][RECEIVED] == 10


def test_methods_that_are_not_registered_are_counted_together(counting):
    for number in range(5000):
        counting.observe(answered(f"BREW{number}"), asked(f"/{number % 2}"), None)
    counting.observe(answered(""), None, None)
    assert numbers(counting) == {
        Labels(OTHER, 200, "/0"): 2500,
        Labels(OTHER, 200, "/1"): 2500,
        Labels(OTHER, 200, ""): 1,
    }


def test_metrics_without_room_are_still_counted(counting):
    for number in range(3000):
        counting.observe(answered(sent=1), asked(f"/{number}"), None)
    counting.flush()
    found = numbers(counting)
    assert sum(found.values()) == 3000
    assert len(found) == 1024
    assert found[OVERFLOW] == 3000 - 1023
    assert sum(cells[SENT] for _, cells in counting.region.read_series()) == 3000


def test_next_answers_of_a_route_go_to_the_running_counting(counting):
    route = asked("/a")
    counting.observe(answered(head=PLAIN), route, None)
    counting.stop()
    other = Counting(Region.create())
    other.observe(answered(head=PLAIN), route, None)
    assert numbers(counting) == numbers(other) == {Labels("GET", 200, "/a"): 1}


def test_a_route_that_takes_no_attributes(counting):
    class Bare:
        __slots__ = ("rule",)

    bare: Any = Bare()
    bare.rule = SimpleNamespace(rule="/bare")
    for _ in range(2):
        counting.observe(answered(head=PLAIN), SimpleNamespace(matched_route=bare), None)
    assert numbers(counting) == {Labels("GET", 200, "/bare"): 2}


def test_refusals_by_status_and_reason(counting):
    for error in (BadRequest(), refused("body-incomplete"), BadRequest(), refused("head-timeout")):
        counting.observe(answered(status=error.code, error=error), None, None)
    counting.observe(answered(status=500, error=ValueError()), None, None)
    found = {labels: count for labels, count in numbers(counting).items() if labels.is_refusal}
    assert found == {
        Labels("", 400, "message-malformed"): 2,
        Labels("", 400, "body-incomplete"): 1,
        Labels("", 408, "head-timeout"): 1,
    }
    assert sum(numbers(counting).values()) == 5 + 4


def test_requests_without_an_answer(counting):
    counting.observe(answered(status=0, error=BadRequest()), None, None)
    assert counting.region.cells[UNANSWERED] == 1
    assert numbers(counting) == {}


def test_connections(counting):
    counting.opened()
    counting.opened()
    counting.lost()
    assert (counting.region.cells[ACCEPTED], counting.region.cells[CLOSED]) == (2, 1)


def test_how_late_the_event_loop_is(counting, monkeypatch):
    cells = counting.region.cells
    now = [5.0]
    monkeypatch.setattr(counting_module.time, "monotonic", lambda: now[0])
    loop: Any = SimpleNamespace(call_later=lambda delay, function, *args: calls.append((function, args)))
    calls: list[Any] = []

    async def start() -> None:
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
        counting.start()

    coroutine = start()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert cells[DUE] == 5.5
    for late in (0.0, 0.02, 7.0):
        now[0] = cells[DUE] + late
        function, args = calls.pop()
        function(*args)
    assert cells[LAG] == pytest.approx(7.02)
    assert cells[LAG_BUCKETS : LAG_BUCKETS + len(LAGS) + 1].tolist() == [1, 0, 0, 1, *[0] * 6, 1]
    counting._timer = None
    counting.stop()
    assert cells[DUE] == 0
