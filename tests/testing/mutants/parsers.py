"""Backends whose parsers break rules: between a sound parser and the connection, calls are changed."""

from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from kyoukai import ProtocolError
from kyoukai.backends.reference import KyoukaiProtocol, RequestParser

from .lower import Sound


class ParseError(Exception):
    """What a parser raises for bad input."""


class Calls:
    """What the sound parser calls; it passes everything on."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protocol, name)

    @property
    def method(self) -> bytes:
        """The method of the message."""
        return bytes(self.protocol.parser.get_method())


class Parser(RequestParser):
    """A sound parser that calls something else than its connection."""

    def __init__(self, calls: Any, limits: Any) -> None:
        super().__init__(calls, limits, is_checked=True)
        self.calls = calls


def broken(parser: type[Parser] = Parser, calls: type[Calls] = Calls) -> Any:
    """Return a backend of this parser and these calls, with the docstring of the one that is broken."""
    cls: Any = parser if parser is not Parser else calls

    class Connection(KyoukaiProtocol):
        parser_errors = (ParseError,)

        def make_parser(self) -> Any:
            return parser(calls(self), self.limits)

    return type(cls.__name__, (Sound,), {"protocol_class": Connection, "__doc__": cls.__doc__})


def by_calls(calls: type[Calls]) -> Any:
    """Return a backend whose parser is broken in what it calls."""
    return broken(calls=calls)


@broken
class HasNoKeepAlive(Parser):
    """It has no should_keep_alive."""

    should_keep_alive = None  # type: ignore[assignment]


@by_calls
class TellsTheTargetLast(Calls):
    """The target comes after the fields."""

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_headers_complete(self) -> None:
        self.protocol.on_url(self.url)
        self.protocol.on_headers_complete()


@by_calls
class DecodesTheTarget(Calls):
    """The target is not as it was sent."""

    def on_url(self, url: bytes) -> None:
        self.protocol.on_url(unquote_to_bytes(url))


@by_calls
class AddsToTheTarget(Calls):
    """Each target has one byte more than was sent: no request is served."""

    def on_url(self, url: bytes) -> None:
        self.protocol.on_url(url + b"x")


@by_calls
class JoinsFields(Calls):
    """Two fields of one name become one."""

    def on_message_begin(self) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.in_head = True
        self.protocol.on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            self.protocol.on_header(name, value)
        elif name in self.fields:
            self.fields[name] += b", " + value
        else:
            self.fields[name] = value

    def on_headers_complete(self) -> None:
        self.in_head = False
        for name, value in self.fields.items():
            self.protocol.on_header(name, value)
        self.protocol.on_headers_complete()


class _FirstPiece(Calls):
    is_first = True

    def on_body(self, body: bytes) -> None:
        if self.is_first:
            self.is_first = False
            self.protocol.on_body(body)


class DropsTheLastChunk(Parser):
    """Of several chunks that come at once it loses the last."""

    def feed_data(self, data: bytes, /) -> None:
        self.calls.is_first = True
        super().feed_data(data)


DropsTheLastChunk = broken(DropsTheLastChunk, _FirstPiece)  # type: ignore[misc]


@by_calls
class SendsAnEmptyPiece(Calls):
    """After each piece comes an empty one."""

    def on_body(self, body: bytes) -> None:
        self.protocol.on_body(body)
        self.protocol.on_body(b"")


@by_calls
class MergesTrailers(Calls):
    """Trailer fields are put to the header fields."""

    in_head = True

    def on_message_begin(self) -> None:
        self.in_head = True
        self.protocol.on_message_begin()

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.protocol.on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:
            self.protocol.on_header(name, value)
        else:
            variable = "HTTP_" + name.decode().upper().replace("-", "_")
            exchange = self.protocol.reader.exchange
            exchange.head = exchange.head._replace(environ=exchange.head.environ | {variable: "1"})


@broken
class KnowsOneVersion(Parser):
    """Every request is of HTTP/1.1."""

    def get_http_version(self) -> str:
        return "1.1"


@broken
class WaitsForTheBody(Parser):
    """The head of a PUT is called back with its body."""

    held = b""

    def feed_data(self, data: bytes, /) -> None:
        if data.startswith(b"PUT "):
            self.held = data
            return
        held, self.held = self.held, b""
        if held:
            super().feed_data(held)
        super().feed_data(data)


@by_calls
class CompletesLate(Calls):
    """A PATCH is complete when the next message begins."""

    def on_message_complete(self) -> None:
        if self.method != b"PATCH":
            self.protocol.on_message_complete()


@by_calls
class LendsItsBuffer(Calls):
    """It hands its buffer out, which it goes on using."""

    def on_body(self, body: bytes) -> None:
        self.protocol.on_body(memoryview(body))


@by_calls
class HoldsTheBody(Calls):
    """A body of some length is called back when it is whole."""

    held = b""

    def on_body(self, body: bytes) -> None:
        if self.protocol.reader.exchange.head.body_size is None:
            self.protocol.on_body(body)
        else:
            self.held += body

    def on_message_complete(self) -> None:
        held, self.held = self.held, b""
        if held:
            self.protocol.on_body(held)
        self.protocol.on_message_complete()


@broken
class LosesASingleByte(Parser):
    """A single byte of a chunked body is lost."""

    def feed_data(self, data: bytes, /) -> None:
        exchange = self.calls.protocol.reader.exchange
        if len(data) > 1 or exchange.head.body_size is not None:
            super().feed_data(data)


@by_calls
class GoesOn(Calls):
    """It does not mind a callback that raises."""

    def on_url(self, url: bytes) -> None:
        with suppress(Exception):
            self.protocol.on_url(url)


class _Hides(Parser):
    """Raises an error of its own for some of the callbacks', which is lost."""

    def feed_data(self, data: bytes, /) -> None:
        is_hidden = False
        try:
            super().feed_data(data)
        except Exception as exc:
            is_hidden = self.hides(exc)
            if not is_hidden:
                raise
        if is_hidden:
            raise ParseError

    def hides(self, exc: Exception) -> bool:
        raise NotImplementedError


@broken
class HidesRefusals(_Hides):
    """What the server refuses is an error of the parser's."""

    def hides(self, exc: Exception) -> bool:
        return isinstance(exc, ProtocolError)


@broken
class HidesBugs(_Hides):
    """What fails in a callback is the client's fault."""

    def hides(self, exc: Exception) -> bool:
        return not isinstance(exc, ProtocolError)
