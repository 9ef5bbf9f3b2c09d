"""The client of a line of the log, and what is escaped in it."""

import signal
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.wrappers import Request

from kyoukai.core.errors import refused
from kyoukai.core.exchange.access import answered_refusal, client_address, client_name, escape

ENVIRON = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50712"}
PEER = "127.0.0.1:50712"


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
    assert client_name(None, {}) is client_name(Request({}), {}) is None


@pytest.mark.parametrize("environ", [ENVIRON, {}], ids=["by TCP", "by a Unix socket"])
def test_client_that_the_request_names(environ: dict[str, str]) -> None:
    assert client_name(Forwarded({"HTTP_X_CLIENT": "192.0.2.7", **environ}), environ) == "192.0.2.7"


def test_address_of_a_client() -> None:
    assert client_address(None, ENVIRON) == client_address(Request(ENVIRON), ENVIRON) == "127.0.0.1"
    assert client_address(Forwarded({"HTTP_X_CLIENT": "192.0.2.7"}), ENVIRON) == "192.0.2.7"
    assert client_address(None, {}) is None


def test_client_of_a_request_that_cannot_tell() -> None:
    # It raises KeyError where the field is missing.
    assert client_name(Forwarded({}), ENVIRON) == PEER
    assert client_name(Forwarded({}), {}) is None


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


@pytest.mark.parametrize(
    ("error", "status", "identifier"),
    [
        (refused("body-too-large"), 413, "body-too-large"),
        (refused("body-too-large"), 405, ""),
        (None, 200, ""),
    ],
)
def test_answered_refusal(error: Exception | None, status: int, identifier: str) -> None:
    assert answered_refusal(SimpleNamespace(error=error, status=status)) == identifier
