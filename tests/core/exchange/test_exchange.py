"""The record of one request: what it starts with, and that none of it is shared."""

from time import perf_counter
from typing import Any

import pytest

from kyoukai.core.exchange.exchange import LARGE_BODY, Exchange, is_full
from kyoukai.core.semantics.content_coding import ContentDecoder
from kyoukai.core.semantics.framing import NO_BODY

DEFAULTS = {
    "method": "",
    "target": b"",
    "version": "1.1",
    "fields": [],
    "keep_alive": True,
    "variables": {},
    "path": "",
    "query": "",
    "environ": {},
    "framing": NO_BODY,
    "decoder": None,
    "expect_continue": False,
    "upgrade": False,
    "content": None,
    "body_size": 0,
    "trailers": [],
    "error": None,
    "status": 0,
    "sent": 0,
    "persistent": False,
}


def attributes(exchange: Exchange) -> dict[str, Any]:
    """All but when it began."""
    return {name: getattr(exchange, name) for name in Exchange.__slots__ if name != "began"}


def test_defaults() -> None:
    before = perf_counter()
    exchange = Exchange()
    assert before <= exchange.began <= perf_counter()
    assert attributes(exchange) == DEFAULTS


def test_nothing_is_shared_between_two() -> None:
    # hypercorn #274: the state of one request was seen by the next.
    one, other = Exchange(), Exchange()
    one.fields.append((b"a", b"b"))
    one.trailers.append((b"a", b"b"))
    assert attributes(other) == DEFAULTS


def test_a_misspelt_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError):
        Exchange().metod = "GET"  # type: ignore[attr-defined]


def waiting(*sizes: int, **last: Any) -> list[Exchange]:
    exchanges = []
    for size in sizes:
        exchange = Exchange()
        exchange.body_size = size
        exchanges.append(exchange)
    for name, value in last.items():
        setattr(exchanges[-1], name, value)
    return exchanges


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        pytest.param([], False, id="none"),
        pytest.param(waiting(0), False, id="one"),
        pytest.param(waiting(*[0] * 7), False, id="one-less-than-the-most"),
        pytest.param(waiting(*[0] * 8), True, id="the-most"),
        pytest.param(waiting(10_000_000), False, id="a-large-body-that-is-being-answered"),
        pytest.param(waiting(0, LARGE_BODY), False, id="a-body-behind-it"),
        pytest.param(waiting(0, LARGE_BODY + 1), True, id="a-large-body-behind-it"),
        pytest.param(waiting(LARGE_BODY + 1, 0), False, id="a-small-body-behind-a-large-one"),
        pytest.param(waiting(1, decoder=ContentDecoder("gzip", 1)), False, id="a-coded-body"),
        pytest.param(waiting(0, 1, decoder=ContentDecoder("gzip", 1)), True, id="a-coded-body-behind-it"),
        pytest.param(waiting(0, upgrade=True), True, id="an-upgrade"),
    ],
)
def test_when_the_queue_is_full(queue: list[Exchange], expected: bool) -> None:
    assert is_full(queue, 8) is expected


def test_the_path_for_a_log() -> None:
    exchange = Exchange()
    assert exchange.logged_path == ""
    exchange.environ = {"PATH_INFO": "/caf\xc3\xa9"}
    assert exchange.logged_path == "/caf\xc3\xa9"
