"""The connection over llhttp, by itself: what its exceptions mean, and how it goes on after an upgrade."""

from types import SimpleNamespace
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
from kyoukai.core.http1.states import BODY, ENDED, IDLE
from kyoukai.core.semantics.framing import CHUNKED, Framing
from kyoukai.core.serving.server_state import Server

CHUNKED_BODY = b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"


class Queueing(KyoukaiProtocol):
    """Keeps what is queued, and answers nothing. It agrees with the parser on where a body ends."""

    @property
    def content_size(self) -> int:
        return self.exchange.body_size

    @content_size.setter
    def content_size(self, value: int | None) -> None:
        pass

    def enqueue(self, exchange: Any) -> None:
        self.exchanges.append(exchange)


def make_protocol() -> KyoukaiProtocol:
    """Return a protocol without a transport, whose next message arrives."""
    component: Any = SimpleNamespace(app=None, server=Server())
    context: Any = None
    protocol = Queueing(component, context, "127.0.0.1", 80)
    protocol.parser = protocol.make_parser()
    protocol.state = IDLE.begin
    return protocol


def feed(protocol: KyoukaiProtocol, data: bytes) -> None:
    """Feed the parser, and go on after an upgrade, as a connection does it."""
    try:
        protocol.parser.feed_data(data)
    except Exception as exc:
        framing = protocol.exchange.framing if protocol.state is BODY else None
        if not protocol.resume_parser(exc, framing):
            raise


def test_the_backend_makes_its_protocol() -> None:
    component: Any = SimpleNamespace(app=None, server=Server())
    context: Any = None
    protocol = HttptoolsBackend().create_protocol(component, context, "127.0.0.1", 80)
    assert type(protocol) is KyoukaiProtocol
    assert (protocol.server_ip, protocol.server_port) == ("127.0.0.1", 80)


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"1.2", b"1.9"])
def test_every_minor_version_is_parsed(version: bytes) -> None:
    # RFC 9110 section 2.5
    protocol = make_protocol()
    feed(protocol, b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    (exchange,) = protocol.exchanges
    assert exchange.version == version.decode()


# What an exception means


def raised_by(protocol: KyoukaiProtocol, data: bytes) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        feed(protocol, data)
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


def test_a_refusal_comes_out_of_llhttp_as_it_was_raised() -> None:
    protocol = make_protocol()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    exc = raised_by(protocol, head % (protocol.limits.max_body_size + 1))
    assert isinstance(exc, HttpParserCallbackError)
    assert type(protocol.translate(exc)) is ContentTooLarge


def test_a_callback_that_fails_is_an_error_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = make_protocol()

    def fail(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("kyoukai.core.semantics.policy.accept", fail)
    exc = raised_by(protocol, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert isinstance(exc, HttpParserCallbackError)
    assert protocol.translate(exc).code == 500


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
def test_what_an_exception_means(exc: Exception, status: int) -> None:
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
    with pytest.raises(HttpParserUpgrade):
        parser.feed_data(UPGRADE % b"GET" + b"\r\n")
    (exchange,) = protocol.exchanges
    assert exchange.upgrade is True
    assert protocol.state is IDLE
    assert protocol.resume_parser(HttpParserUpgrade(0), None) is True
    assert protocol.parser is parser


@pytest.mark.parametrize(
    ("framing", "field", "body"),
    [
        pytest.param(Framing(5, False), b"Content-Length: 5\r\n", b"hello", id="sized"),
        pytest.param(CHUNKED, b"Transfer-Encoding: chunked\r\n", CHUNKED_BODY, id="chunked"),
    ],
)
@pytest.mark.parametrize("offer", [b"", b"Expect: 100-continue\r\n", b"X: y\r\n"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_body_behind_an_offer_is_read(
    framing: Framing, field: bytes, body: bytes, offer: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # uvicorn 2722: llhttp delivers no body of a message that offers an upgrade.
    protocol = make_protocol()
    monkeypatch.setattr(protocol, "send_continue", lambda: None)
    parser = protocol.parser
    feed(protocol, UPGRADE % b"POST" + field + offer + b"\r\n")
    assert protocol.state is BODY
    assert protocol.parser is not parser
    assert protocol.exchange.framing == framing
    assert not protocol.exchanges
    for i in range(0, len(body), size):
        feed(protocol, body[i : i + size])
    (exchange,) = protocol.exchanges
    assert exchange.upgrade is True
    assert exchange.content.getvalue() == b"hello"
    assert exchange.trailers == ([(b"X-Sum", b"1")] if framing.chunked else [])
    assert exchange.method == "POST"
    assert protocol.state is IDLE


def test_after_the_body_the_next_message_is_read() -> None:
    protocol = make_protocol()
    feed(protocol, UPGRADE % b"POST" + b"Content-Length: 5\r\n\r\n")
    feed(protocol, b"hello")
    protocol.state = protocol.state.begin
    feed(protocol, b"PUT /next HTTP/1.2\r\nHost: b\r\nX: y\r\nContent-Length: 2\r\n\r\n")
    feed(protocol, b"ok")
    first, second = protocol.exchanges
    assert (second.method, second.target, second.version) == ("PUT", b"/next", "1.2")
    assert second.fields == [(b"Host", b"b"), (b"X", b"y"), (b"Content-Length", b"2")]
    assert second.content.getvalue() == b"ok"
    assert first.fields[0] == (b"Host", b"a")


def test_two_offers_with_bodies_on_one_connection() -> None:
    protocol = make_protocol()
    for number in (1, 2):
        feed(protocol, UPGRADE % b"POST" + b"Content-Length: 5\r\n\r\n")
        feed(protocol, b"hello")
        assert len(protocol.exchanges) == number
        protocol.state = protocol.state.begin
    assert all(exchange.content.getvalue() == b"hello" for exchange in protocol.exchanges)


def test_a_fault_in_the_body_behind_an_offer_is_one() -> None:
    protocol = make_protocol()
    feed(protocol, UPGRADE % b"POST" + b"Transfer-Encoding: chunked\r\n\r\n")
    exc = raised_by(protocol, b"nonsense\r\n")
    assert type(protocol.translate(exc)) is BadRequest


def test_an_offer_of_a_client_that_closes() -> None:
    protocol = make_protocol()
    head = UPGRADE.replace(b": upgrade", b": close, upgrade")
    feed(protocol, head % b"POST" + b"Content-Length: 5\r\n\r\n")
    feed(protocol, b"hello")
    (exchange,) = protocol.exchanges
    assert exchange.keep_alive is False
    assert protocol.state is ENDED
