"""The connection over llhttp, by itself: what its exceptions mean, and how it goes on after an upgrade."""

from typing import Any

import pytest
from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
)
from werkzeug.exceptions import HTTPException, ImATeapot

from kyoukai.backends.httptools_ import HttptoolsBackend, KyoukaiProtocol
from kyoukai.core.errors import BadRequest, ContentTooLarge, ProtocolError
from kyoukai.core.http1.message import Message
from kyoukai.core.http1.parser_errors import Disagreement
from kyoukai.core.http1.states import ARRIVING, BODY, ENDED, IDLE
from kyoukai.core.semantics.framing import CHUNKED

from ...core.http1.fakes import FakeExchange, FakeQueue, component

CHUNKED_BODY = b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"


class Collecting(KyoukaiProtocol):
    """Keeps its requests, and answers nothing."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.exchanges: list[FakeExchange] = []
        self.errors: list[Exception] = []

    @staticmethod
    def exchange_class(owner: Any, message: Message) -> Any:  # type: ignore[override]
        owner.exchanges.append(FakeExchange(message.head, message.keep_alive))
        return owner.exchanges[-1]

    def handle_parser_exception(self, exc: Exception) -> None:
        self.errors.append(exc)


def make_protocol() -> Collecting:
    """Return a protocol without a transport."""
    context: Any = None
    protocol = Collecting(component(), context, "127.0.0.1", 80)
    protocol.reader.parsing.make_parser()
    protocol.queue = protocol.reader._queue = FakeQueue()  # type: ignore[assignment]
    return protocol


def feed(protocol: Collecting, data: bytes) -> None:
    """Receive bytes."""
    protocol.reader.feed(data)
    assert protocol.errors == []


def test_the_backend_makes_its_protocol() -> None:
    context: Any = None
    protocol = HttptoolsBackend().create_protocol(component(), context, "127.0.0.1", 80)
    assert type(protocol) is KyoukaiProtocol
    assert (protocol.server_ip, protocol.server_port) == ("127.0.0.1", 80)


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"1.2", b"1.9"])
def test_every_minor_version_is_parsed(version: bytes) -> None:
    # RFC 9110 section 2.5
    protocol = make_protocol()
    feed(protocol, b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    (exchange,) = protocol.exchanges
    assert exchange.head.version == version.decode()
    assert protocol.queue.waiting == [exchange]


# What an exception means


def raised_by(protocol: Collecting, data: bytes) -> Exception:
    """Return what the parser raises, of a message that arrives."""
    protocol.reader.parsing.state = ARRIVING
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        protocol.parser.feed_data(data)
    return caught.value


@pytest.mark.parametrize(
    "data", [b"G(T / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"\x16\x03"]
)
def test_what_llhttp_refuses_is_a_bad_request(data: bytes) -> None:
    protocol = make_protocol()
    exc = raised_by(protocol, data)
    assert isinstance(exc, HttpParserError)
    error = protocol.translate(exc)
    assert type(error) is BadRequest
    assert error.description == BadRequest.description


def test_refusal_passes_llhttp_unchanged() -> None:
    protocol = make_protocol()
    protocol.reader.parsing.state = ARRIVING
    protocol.parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    # The server has come to the end of the body, and llhttp has not.
    protocol.reader.parsing.state = IDLE
    with pytest.raises(HttpParserCallbackError) as caught:
        protocol.parser.feed_data(b"hello")
    assert type(protocol.translate(caught.value)) is Disagreement


def test_a_callback_that_fails_is_an_error_of_the_server() -> None:
    protocol = make_protocol()
    # No message arrives, so that none may begin.
    with pytest.raises(HttpParserCallbackError) as caught:
        protocol.parser.feed_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert protocol.translate(caught.value).code == 500


@pytest.mark.parametrize(
    ("exc", "status"),
    [
        pytest.param(HttpParserInvalidMethodError("x"), 400, id="llhttp"),
        pytest.param(ContentTooLarge(), 413, id="refusal"),
        pytest.param(ImATeapot(), 500, id="werkzeug"),
        pytest.param(ValueError("x"), 500, id="anything"),
        pytest.param(HttpParserUpgrade(5), 500, id="upgrade"),
    ],
)
def test_meaning_of_an_exception(exc: Exception, status: int) -> None:
    error = make_protocol().translate(exc)
    assert isinstance(error, HTTPException)
    assert error.code == status
    if isinstance(exc, ProtocolError):
        assert error is exc


# Upgrades that are not taken up: RFC 9110 section 7.8

UPGRADE = b"%b / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"


@pytest.mark.parametrize(
    "exc", [HttpParserError("x"), HttpParserCallbackError("x"), ValueError("x"), BadRequest()]
)
def test_an_error_is_not_resumed(exc: Exception) -> None:
    protocol = make_protocol()
    parser = protocol.parser
    assert protocol.resume_parser(exc, CHUNKED) is False
    assert protocol.parser is parser


def test_a_message_without_a_body_is_whole_where_llhttp_stops() -> None:
    protocol = make_protocol()
    parser = protocol.parser
    feed(protocol, UPGRADE % b"GET" + b"\r\n")
    (exchange,) = protocol.exchanges
    assert exchange.head.upgrade == "h2c"
    assert protocol.queue.waiting == [exchange]
    assert protocol.reader.parsing.state is IDLE
    assert protocol.resume_parser(HttpParserUpgrade(0), None) is True
    assert protocol.parser is parser


@pytest.mark.parametrize(
    ("size", "field", "body"),
    [
        pytest.param(5, b"Content-Length: 5\r\n", b"hello", id="sized"),
        pytest.param(None, b"Transfer-Encoding: chunked\r\n", CHUNKED_BODY, id="chunked"),
    ],
)
@pytest.mark.parametrize("offer", [b"", b"Expect: 100-continue\r\n", b"X: y\r\n"])
@pytest.mark.parametrize("cut", [1, 3, 100])
def test_the_body_behind_an_offer_is_read(
    size: int | None, field: bytes, body: bytes, offer: bytes, cut: int
) -> None:
    # uvicorn 2722: llhttp delivers no body of a message that offers an upgrade.
    protocol = make_protocol()
    parser = protocol.parser
    feed(protocol, UPGRADE % b"POST" + field + offer + b"\r\n")
    assert protocol.reader.parsing.state is BODY
    assert protocol.parser is not parser
    (exchange,) = protocol.exchanges
    assert exchange.head.body_size == size
    assert exchange.calls[0] == "announced"
    for i in range(0, len(body), cut):
        assert exchange.trailers is None
        feed(protocol, body[i : i + cut])
    assert exchange.content == b"hello"
    assert exchange.trailers == ([(b"X-Sum", b"1")] if size is None else [])
    assert exchange.head.upgrade == "h2c"
    assert exchange.head.method == "POST"
    assert protocol.reader.parsing.state is IDLE


def test_after_the_body_the_next_message_is_read() -> None:
    protocol = make_protocol()
    feed(protocol, UPGRADE % b"POST" + b"Content-Length: 5\r\n\r\n")
    feed(protocol, b"hello")
    feed(protocol, b"PUT /next HTTP/1.2\r\nHost: b\r\nX: y\r\nContent-Length: 2\r\n\r\n")
    feed(protocol, b"ok")
    first, second = protocol.exchanges
    assert second.head[:3] == ("PUT", b"/next", "1.2")
    assert second.head.fields == [(b"Host", b"b"), (b"X", b"y"), (b"Content-Length", b"2")]
    assert second.content == b"ok"
    assert first.head.fields[0] == (b"Host", b"a")


def test_two_offers_with_bodies_on_one_connection() -> None:
    protocol = make_protocol()
    for number in (1, 2):
        feed(protocol, UPGRADE % b"POST" + b"Content-Length: 5\r\n\r\n")
        feed(protocol, b"hello")
        assert len(protocol.exchanges) == number
    assert all(exchange.content == b"hello" for exchange in protocol.exchanges)
    assert all(exchange.calls[-1] == "end" for exchange in protocol.exchanges)


def test_fault_in_the_body_of_an_upgrade_offer() -> None:
    protocol = make_protocol()
    feed(protocol, UPGRADE % b"POST" + b"Transfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(HttpParserError) as caught:
        protocol.parser.feed_data(b"nonsense\r\n")
    assert type(protocol.translate(caught.value)) is BadRequest


def test_an_offer_of_a_client_that_closes() -> None:
    protocol = make_protocol()
    head = UPGRADE.replace(b": upgrade", b": close, upgrade")
    feed(protocol, head % b"POST" + b"Content-Length: 5\r\n\r\n")
    feed(protocol, b"hello")
    (exchange,) = protocol.exchanges
    assert exchange.keep_alive is False
    assert protocol.reader.parsing.state is ENDED
