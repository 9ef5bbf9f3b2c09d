"""The shape of a parser, as :meth:`HTTPProtocol.make_parser` returns it: of requests, or of bodies only.

It is the shape of ``httptools.HttpRequestParser``: bytes go in by :meth:`~RequestParser.feed_data`,
and what they mean comes out as calls on the protocol object, in the order of the wire::

    on_message_begin  on_url+  on_header*  on_headers_complete  on_body*  on_header*  on_message_complete

The fields that come after ``on_headers_complete`` are trailers (RFC 9112 section 7.1.2).

A :class:`BodyParser` leaves heads to the server. It calls ``on_body* on_header* on_message_complete``, and
nothing for a message without a body.
"""

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from ..semantics.request_head import RequestHead

CALLBACKS: Final = (
    "on_message_begin",
    "on_url",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
)
"""What a parser calls, as :class:`ParserCallbacks` has it."""


class ParserCallbacks(Protocol):
    """What a parser calls. :class:`~kyoukai.core.http1.protocol.HTTPProtocol` is one.

    An exception out of a callback ends the parse: ``feed_data`` raises it, or an exception of the
    parser's own that has it for its cause or context. Nothing is called after that.
    """

    def on_message_begin(self) -> None:
        """Note that the first byte of a request line has been read."""

    def on_url(self, url: bytes) -> None:
        """Take the request target as sent, or the next piece of it."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one whole field: the name as sent; white space around the value may be left."""

    def on_headers_complete(self) -> None:
        """Note that the head is whole: method, version and persistence can be asked for."""

    def on_body(self, body: bytes) -> None:
        """Take the next piece of the body, with its transfer coding removed."""

    def on_message_complete(self) -> None:
        """Note that the message is whole. The next call is ``on_message_begin``."""


class RequestParser(Protocol):
    """Anything shaped like ``httptools.HttpRequestParser``, bound to a :class:`ParserCallbacks`.

    ``get_method``, ``get_http_version`` and ``should_keep_alive`` speak of the message whose
    ``on_headers_complete`` is being called, and need be right only then.
    """

    def feed_data(self, data: bytes, /) -> None:
        """Parse the next bytes of the connection, wherever they are cut.

        :raises Exception: when the bytes are no HTTP/1 request: one of ``parser_errors``. What was
            complete before the fault has been called back; the parser is not used again.
        """

    def get_method(self) -> bytes:
        """Return the method, as sent."""

    def get_http_version(self) -> str:
        """Return the version without its name: ``"1.1"``."""

    def should_keep_alive(self) -> bool:
        """Return whether the client lets the connection persist (RFC 9112 section 9.3)."""


class BodyParser(Protocol):
    """A parser that leaves heads to the server, and removes the transfer coding of bodies.

    A parser with ``begin_message`` is taken for one.
    """

    def begin_message(self, head: "RequestHead", /) -> None:
        """Take the head that the server has read and the policy has accepted. It should not raise.

        :param head: its ``body_size`` says how the body is delimited: bytes of content; ``None``: by chunks
            (RFC 9112 section 7.1); 0: there is none, and the next call is that of the next message.
        """

    def feed_data(self, data: bytes, /) -> None:
        """Take the next bytes of the body, with what frames chunks and with the trailer section.

        They are cut anywhere, and are never those of another message. The call that has the message's last
        byte calls ``on_message_complete``.

        :raises Exception: when the bytes are no such body: one of ``parser_errors``. It is not used again.
        """
