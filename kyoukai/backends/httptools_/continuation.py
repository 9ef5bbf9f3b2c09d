"""Continue parsing after llhttp has stopped at an ``Upgrade``.

llhttp treats a request with ``Upgrade`` as the last one of the connection: it completes the message at the
end of the head, and delivers no body. A server that does not accept the upgrade must ignore it (RFC 9110
section 7.8) and read the body. So a second parser gets a stand-in head with the same framing and no
``Upgrade``, and continues where the first one stopped.
"""

from typing import TYPE_CHECKING

from httptools import HttpRequestParser

if TYPE_CHECKING:
    from kyoukai.core.contract.parser import ParserCallbacks
    from kyoukai.core.semantics.framing import Framing


class Continuation:
    """Hides the stand-in head from the protocol, and forwards everything after it."""

    def __init__(self, protocol: "ParserCallbacks") -> None:
        self.protocol = protocol
        self.in_head = True
        self.on_body = protocol.on_body
        self.on_message_complete = protocol.on_message_complete

    def on_message_begin(self) -> None:
        """Forward the event, except for the stand-in head."""
        if not self.in_head:
            self.protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Forward the event, except for the stand-in head."""
        if not self.in_head:
            self.protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Forward the event, except for the stand-in head."""
        if not self.in_head:
            self.protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Forward the event, or note the end of the stand-in head."""
        if self.in_head:
            self.in_head = False
        else:
            self.protocol.on_headers_complete()


def continue_message(protocol: "ParserCallbacks", framing: "Framing") -> HttpRequestParser:
    """Return a parser that expects the body of a message whose head is already parsed.

    :param protocol: receives the events of the body and of all later requests.
    :param framing: how the body is delimited.
    """
    parser = HttpRequestParser(Continuation(protocol))
    parser.set_dangerous_leniencies(lenient_version=True)  # as in the first parser
    field = (
        b"Transfer-Encoding: chunked" if framing.chunked else b"Content-Length: %d" % framing.content_length
    )
    parser.feed_data(b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\n")
    return parser
