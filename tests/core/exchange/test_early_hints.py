"""Which fields a 103 has, and which are none of a hint."""

import pytest
from werkzeug.datastructures import Headers, MultiDict

from kyoukai.core.exchange.early_hints import read_early_hints
from kyoukai.core.semantics.serialize import InvalidResponseError

STYLE = "</style.css>; rel=preload; as=style"
SCRIPT = "</script.js>; rel=preload; as=script"
BOTH = [("Link", STYLE), ("Link", SCRIPT)]


@pytest.mark.parametrize(
    "fields",
    [
        [("Link", STYLE), ("Link", SCRIPT)],
        iter([("Link", STYLE), ("Link", SCRIPT)]),
        {"Link": [STYLE, SCRIPT]},
        Headers([("Link", STYLE), ("Link", SCRIPT)]),
        MultiDict([("Link", STYLE), ("Link", SCRIPT)]),
    ],
)
def test_shapes(fields):
    assert read_early_hints(fields) == BOTH


@pytest.mark.parametrize("fields", [[], {}, {"Link": []}])
def test_nothing(fields):
    assert read_early_hints(fields) == []


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer", "TE"],
)
def test_fields_forbidden_in_early_hints(name):
    with pytest.raises(InvalidResponseError, match="cannot be an early hint"):
        read_early_hints([(name, "1")])


@pytest.mark.parametrize(
    "fields",
    [
        [("Link", "a\r\nb: c")],
        [("Link", "a\nb")],
        [("Link", "a\0b")],
        [("Link", "\N{EURO SIGN}")],
        [("Li nk", "a")],
        [("", "a")],
        [("Link:", "a")],
        [(5, "a")],
        [("Link",)],
        5,
    ],
)
def test_what_cannot_be_sent(fields):
    with pytest.raises(InvalidResponseError):
        read_early_hints(fields)
