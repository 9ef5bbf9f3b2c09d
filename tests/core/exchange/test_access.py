"""The access log: its line, and that no client can forge one."""

import logging
import re
import signal
from time import perf_counter
from typing import Any

import pytest
from werkzeug.wrappers import Request

from kyoukai.core.exchange.access import (
    MAX_LOGGED_TARGET,
    access_line,
    client_name,
    escape,
    log_answer,
)
from kyoukai.core.semantics.request_head import RequestHead

ENVIRON = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50712"}
PEER = "127.0.0.1:50712"
BEGAN = 1000.0
NOW = 1000.000317


class Answer:
    """An answer, as the log sees it."""

    def __init__(self, head: RequestHead, status: int = 200, sent: int = 1432) -> None:
        self.head = head
        self.status = status
        self.sent = sent
        self.began = BEGAN


def answered(method: str = "GET", target: bytes = b"/guests?page=2", version: str = "1.1") -> Answer:
    return Answer(RequestHead(method, target, version))


def test_line() -> None:
    line = access_line(answered(), PEER, NOW)
    assert line == '127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432 0.000317'


def test_line_of_a_request_that_was_not_understood() -> None:
    answer = Answer(RequestHead(), 400, 0)
    assert access_line(answer, "-", BEGAN) == '- "- - HTTP/1.1" 400 0 0.000000'


def test_a_long_target_is_cut() -> None:
    target = b"/" + b"a" * (MAX_LOGGED_TARGET - 1)
    assert f'"GET {target.decode()} HTTP/1.1"' in access_line(answered(target=target), PEER, NOW)
    assert f'"GET {target.decode()}... HTTP/1.1"' in access_line(answered(target=target + b"b"), PEER, NOW)


class Forwarded(Request):
    """Its client is the one that a field names."""

    @property
    def remote_addr(self) -> Any:
        return self.headers["X-Client"]

    @remote_addr.setter
    def remote_addr(self, value: str | None) -> None:
        pass


def test_client_of_the_connection() -> None:
    assert client_name(None, ENVIRON) == PEER
    assert client_name(Request(ENVIRON), ENVIRON) == PEER
    assert client_name(None, {"REMOTE_ADDR": "::1", "REMOTE_PORT": "9"}) == "[::1]:9"
    assert client_name(None, {"REMOTE_ADDR": "192.0.2.7"}) == "192.0.2.7"
    assert client_name(None, {}) == client_name(Request({}), {}) == "-"


@pytest.mark.parametrize("environ", [ENVIRON, {}], ids=["by TCP", "by a Unix socket"])
def test_client_that_the_request_names(environ: dict[str, str]) -> None:
    assert client_name(Forwarded({"HTTP_X_CLIENT": "192.0.2.7", **environ}), environ) == "192.0.2.7"
    forged = Forwarded({"HTTP_X_CLIENT": '1 "GET\x1b\n', **environ})
    assert client_name(forged, environ) == '1\\x20\\"GET\\x1b\\n'


def test_client_of_a_request_that_cannot_tell() -> None:
    # It raises KeyError where the field is missing.
    assert client_name(Forwarded({}), ENVIRON) == PEER
    assert client_name(Forwarded({}), {}) == "-"


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
    line = access_line(answered(target=b"/" + bytes([octet])), PEER, NOW)
    assert line.isascii()
    assert line.isprintable()
    inside = line.removeprefix('127.0.0.1:50712 "GET ').removesuffix(' HTTP/1.1" 200 1432 0.000317')
    assert inside.replace('\\"', "").count('"') == 0


def test_method_and_version_are_escaped_too() -> None:
    line = access_line(answered(method='G"\x1b', version='1.1"\n'), "-", NOW)
    assert line == '- "G\\"\\x1b /guests?page=2 HTTP/1.1\\"\\n" 200 1432 0.000317'


def test_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    answer = answered(target=b"/%s%d")
    answer.began = perf_counter()
    log_answer(logging.getLogger("kyoukai.access"), answer, None, ENVIRON)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("kyoukai.access", "INFO")
    assert re.fullmatch(r'127.0.0.1:50712 "GET /%s%d HTTP/1.1" 200 1432 \d+\.\d{6}', record.getMessage())


def test_nothing_is_formatted_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "kyoukai.access")
    answer = answered()
    answer.head = None  # type: ignore[assignment] # formatting it would raise
    log_answer(logging.getLogger("kyoukai.access"), answer, None, ENVIRON)
    assert not caplog.records


def test_an_interrupt_in_what_reads_the_address_ends_the_process() -> None:
    class Interrupted(Request):
        def __getattribute__(self, name: str) -> Any:
            if name == "remote_addr":
                raise KeyboardInterrupt
            return super().__getattribute__(name)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            client_name(Interrupted({}), {})
    finally:
        signal.signal(signal.SIGINT, before)
