"""Parsers that leave heads to the server: what they are given, and what becomes of their faults."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from kyoukai import HTTP1Backend, HTTPProtocol, RequestHead

from ..serving import Client, Running, chunks, echo, error_records, message


class BadBodyError(Exception):
    """What the parser raises for bad input."""


class Plain:
    """It takes bodies of a declared size, and what is in a fault that the target names."""

    def __init__(self, protocol: HTTPProtocol) -> None:
        self.protocol = protocol
        self.heads: list[RequestHead] = []
        made.append(self)

    def begin_message(self, head: RequestHead) -> None:
        self.heads.append(head)
        self.left = head.body_size or 0
        if head.path == "/refuse":
            raise BadBodyError
        if head.path == "/fail":
            raise LookupError("a bug")
        if head.path == "/complete":
            self.protocol.on_message_complete()
        if head.path == "/tell":
            self.protocol.on_url(head.target)
            for name, value in head.fields:
                self.protocol.on_header(name, value)

    def feed_data(self, data: bytes) -> None:
        if not self.left:
            raise BadBodyError
        self.protocol.on_body(data)
        self.left -= len(data)
        if not self.left:
            self.protocol.on_message_complete()


made: list[Plain] = []


class PlainProtocol(HTTPProtocol):
    parser_errors = (BadBodyError,)

    def make_parser(self) -> Plain:
        return Plain(self)


class PlainBackend(HTTP1Backend):
    api_version = 1
    protocol_class = PlainProtocol


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, loop_factory: Callable[..., Any]) -> Iterator[Client]:
    module = ModuleType("plain_bodies")
    module.PlainBackend = PlainBackend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "plain_bodies", module)
    made.clear()
    server = Running(app=echo, port=0, backend="plain_bodies:PlainBackend", loop_factory=loop_factory)
    with server.connect() as connection:
        yield connection
    server.stop()


def test_body_parser_gets_the_accepted_head(client: Client) -> None:
    request = message("POST", "/a%20b?c=d", "X-A:  b ", body=b"hello")
    assert client.request(request).body == b"POST /a%20b?c=d hello"
    [parser] = made
    [head] = parser.heads
    assert (head.method, head.target, head.version) == ("POST", b"/a%20b?c=d", "1.1")
    assert (head.path, head.query, head.body_size) == ("/a b", "c=d", 5)
    assert list(head.fields) == [(b"Host", b"localhost"), (b"X-A", b"b"), (b"Content-Length", b"5")]
    assert head.is_accepted


def test_one_body_parser_reads_all_messages_of_a_connection(client: Client) -> None:
    for method in ("GET", "PROPFIND", "LINK"):
        assert client.request(message(method, "/")).body == f"{method} / ".encode()
        assert client.request(message(method, "/", body=b"hello")).body == f"{method} / hello".encode()
    [parser] = made
    assert [head.body_size for head in parser.heads] == [0, 5] * 3


def test_head_events_of_a_body_parser_are_dropped(client: Client) -> None:
    for target in ("/tell", "/"):
        answer = client.request(message("POST", target, body=b"hello"))
        assert answer.body == f"POST {target} hello".encode()
    [parser] = made
    # It is no trailer section of this message or the next.
    assert parser.protocol.reader.parsing.trailers == []


def test_body_parser_never_sees_refused_requests(client: Client) -> None:
    assert client.request(b"GET / HTTP/1.1\r\n\r\n").status == 400
    assert [parser.heads for parser in made] == [[]]


def test_bad_input_is_a_400(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.send(message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"a"))
    assert client.receive().status == 400
    assert not error_records(caplog)


@pytest.mark.parametrize("body", [None, b"hello"])
def test_head_refused_by_a_body_parser_is_a_400(
    client: Client, caplog: pytest.LogCaptureFixture, body: bytes | None
) -> None:
    assert client.request(message("POST", "/")).status == 200
    answer = client.request(message("POST", "/refuse", body=body))
    assert (answer.status, answer.fields["connection"]) == (400, "close")
    assert not error_records(caplog)


@pytest.mark.parametrize("target", ["/fail", "/complete"])
def test_a_bug_is_a_500_and_a_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    assert client.request(message("GET", target)).status == 500
    [record] = error_records(caplog)
    assert record.exc_info is not None
