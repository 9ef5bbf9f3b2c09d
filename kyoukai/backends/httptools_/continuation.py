"""Reading on after llhttp has stopped for an upgrade.

llhttp takes a request with ``Upgrade`` for the last one of the connection: it completes the message
at the end of its head, and delivers no body. A server that does not take up the offer must ignore
it (RFC 9110 section 7.8) and read the body, so a second parser is told of a message that is framed
alike and offers nothing, and goes on where the first one stopped.
"""

from typing import TYPE_CHECKING

from httptools import HttpRequestParser

if TYPE_CHECKING:
    from kyoukai.core.contract.parser import ParserCallbacks
    from kyoukai.core.semantics.framing import Framing


class Continuation:
    """Keeps the stand-in's head from the protocol, and passes everything after it on."""

    def __init__(self, protocol: "ParserCallbacks") -> None:
        self.protocol = protocol
        self.in_head = True
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        """Pass on, but for the stand-in."""
        if not self.in_head:
            self.protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Pass on, but for the stand-in."""
        if not self.in_head:
            self.protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Pass on, but for the stand-in."""
        if not self.in_head:
            self.protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass on, but for the stand-in, whose head ends here."""
        if self.in_head:
            self.in_head = False
        else:
            self.protocol.on_headers_complete()


def continue_message(protocol: "ParserCallbacks", framing: "Framing") -> HttpRequestParser:
    """Return a parser that expects the body of a message whose head has been parsed.

    :param protocol: it is called with the body, and with all that follows.
    :param framing: how the body is delimited.
    """
    parser = HttpRequestParser(Continuation(protocol))
    parser.set_dangerous_leniencies(lenient_version=True)  # as the first one
    field = (
        b"Transfer-Encoding: chunked" if framing.chunked else b"Content-Length: %d" % framing.content_length
    )
    parser.feed_data(b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\n")
    return parser
