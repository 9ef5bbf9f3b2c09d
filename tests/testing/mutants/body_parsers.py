"""Parsers that take the heads which the server has read: a sound one, and what may be wrong with such."""

from typing import Any

from kyoukai.backends.reference import KyoukaiProtocol, RequestParser

from .lower import Sound


class Bodies:
    """What a parser of bodies calls: nothing of heads."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.in_head = True

    def on_message_begin(self) -> None:
        """Do nothing."""

    def on_url(self, url: bytes) -> None:
        """Do nothing."""

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:
            self.protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Do nothing."""

    def on_body(self, body: bytes) -> None:
        self.protocol.on_body(body)

    def on_message_complete(self) -> None:
        if not self.in_head:
            self.protocol.on_message_complete()


class BodyParser(RequestParser):
    """It takes heads, and so has a sound parser read them again where nobody sees it."""

    calls_class: type[Bodies] = Bodies

    def __init__(self, protocol: Any, limits: Any) -> None:
        self.calls = self.calls_class(protocol)
        super().__init__(self.calls, limits, is_checked=True)

    def begin_message(self, head: Any) -> None:
        lines = b"".join(b"%b: %b\r\n" % field for field in head.fields)
        start = b"%b %b HTTP/%b\r\n" % (head.method.encode(), head.target, head.version.encode())
        self.calls.in_head = True
        super().feed_data(start + lines + b"\r\n")
        self.calls.in_head = False


class BodyProtocol(KyoukaiProtocol):
    parser_class: type[BodyParser] = BodyParser

    def make_parser(self) -> Any:
        return self.parser_class(self, self.limits)


def of_calls(calls: type[Bodies]) -> Any:
    """Return a backend whose parser of bodies is broken in what it calls."""
    parser = type("Parser", (BodyParser,), {"calls_class": calls})
    protocol = type("Connection", (BodyProtocol,), {"parser_class": parser})
    return type(calls.__name__, (Sound,), {"protocol_class": protocol, "__doc__": calls.__doc__})


class TakesHeads(Sound):
    """Its parser reads bodies alone."""

    protocol_class = BodyProtocol


@of_calls
class TellsOfHeads(Bodies):
    """It tells of the head all the same."""

    def on_headers_complete(self) -> None:
        self.protocol.on_url(b"/")


@of_calls
class DropsAChunk(Bodies):
    """It loses what is short."""

    def on_body(self, body: bytes) -> None:
        if body != b"five!":
            self.protocol.on_body(body)


@of_calls
class CompletesEarly(Bodies):
    """A body of five bytes is complete with its fourth."""

    def on_body(self, body: bytes) -> None:
        self.protocol.on_body(body)
        if body == b"hell":
            self.protocol.on_message_complete()
