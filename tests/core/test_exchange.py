"""The record of one request: what it starts with, and that none of it is shared."""

import pytest

from kyoukai.core.exchange import Exchange
from kyoukai.core.framing import NO_BODY

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
    "body": [],
    "body_size": 0,
    "trailers": [],
    "error": None,
    "status": 0,
    "sent": 0,
    "persistent": False,
}


def test_defaults() -> None:
    exchange = Exchange()
    assert {name: getattr(exchange, name) for name in Exchange.__slots__} == DEFAULTS


def test_nothing_is_shared_between_two() -> None:
    # hypercorn #274: the state of one request was seen by the next.
    one, other = Exchange(), Exchange()
    one.fields.append((b"a", b"b"))
    one.body.append(b"a")
    one.trailers.append((b"a", b"b"))
    assert {name: getattr(other, name) for name in Exchange.__slots__} == DEFAULTS


def test_a_misspelt_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError):
        Exchange().metod = "GET"  # type: ignore[attr-defined]
