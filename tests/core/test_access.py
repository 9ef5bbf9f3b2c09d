"""The access log: its line, and that no client can forge one."""

import logging

import pytest

from kyoukai.core.access import MAX_LOGGED_TARGET, access_line, escape, log_answer
from kyoukai.core.exchange import Exchange

PEER = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50712"}


def answered(method: str = "GET", target: bytes = b"/guests?page=2", version: str = "1.1") -> Exchange:
    exchange = Exchange()
    exchange.method = method
    exchange.target = target
    exchange.version = version
    exchange.status = 200
    exchange.sent = 1432
    return exchange


def test_line() -> None:
    assert access_line(answered(), PEER) == '127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432'


def test_line_without_a_peer() -> None:
    assert access_line(answered(), {}) == '- "GET /guests?page=2 HTTP/1.1" 200 1432'


def test_line_of_a_request_that_was_not_understood() -> None:
    exchange = Exchange()
    exchange.status = 400
    assert access_line(exchange, PEER) == '127.0.0.1:50712 "- - HTTP/1.1" 400 0'


def test_a_long_target_is_cut() -> None:
    target = b"/" + b"a" * (MAX_LOGGED_TARGET - 1)
    assert f'"GET {target.decode()} HTTP/1.1"' in access_line(answered(target=target), PEER)
    assert f'"GET {target.decode()}... HTTP/1.1"' in access_line(answered(target=target + b"b"), PEER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/plain?a=b&c=%20", "/plain?a=b&c=%20", id="plain"),
        pytest.param('/"', '/\\"', id="quote"),
        pytest.param("/\\", "/\\\\", id="backslash"),
        pytest.param('/\\"', '/\\\\\\"', id="backslash-and-quote"),
        pytest.param("/\r\n1.2.3.4", "/\\r\\n1.2.3.4", id="a-forged-line"),
        pytest.param("/\x1b[2J", "/\\x1b[2J", id="CVE-2020-7694-terminal-escape"),
        pytest.param("/\x7f\x9b", "/\\x7f\\x9b", id="DEL-and-C1"),
        pytest.param("/\x85\u2028", "/\\x85\\u2028", id="line-ends-of-unicode"),
        pytest.param("/\xe9", "/\\xe9", id="latin-1"),
        pytest.param("/\0", "/\\x00", id="NUL"),
    ],
)
def test_escape(text: str, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize("octet", range(256))
def test_no_octet_of_a_target_breaks_out_of_its_quotes(octet: int) -> None:
    line = access_line(answered(target=b"/" + bytes([octet])), PEER)
    assert line.isascii()
    assert line.isprintable()
    inside = line.removeprefix('127.0.0.1:50712 "GET ').removesuffix(' HTTP/1.1" 200 1432')
    assert inside.replace('\\"', "").count('"') == 0


def test_method_and_version_are_escaped_too() -> None:
    line = access_line(answered(method='G"\x1b', version='1.1"\n'), {})
    assert line == '- "G\\"\\x1b /guests?page=2 HTTP/1.1\\"\\n" 200 1432'


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    log_answer(logging.getLogger("kyoukai.access"), answered(target=b"/%s%d"), PEER)
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("kyoukai.access", "INFO", '127.0.0.1:50712 "GET /%s%d HTTP/1.1" 200 1432')
    ]


def test_nothing_is_formatted_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "kyoukai.access")
    exchange = answered()
    exchange.target = None  # type: ignore[assignment] # formatting it would raise
    log_answer(logging.getLogger("kyoukai.access"), exchange, PEER)
    assert not caplog.records
