"""The interface of a parser of requests, or of bodies only, as :meth:`HTTPProtocol.make_parser` returns it.

It is that of ``httptools.HttpRequestParser``. Bytes go in through :meth:`~RequestParser.feed_data`; their
content comes out as calls on the protocol object, in the order of the wire::

    on_message_begin  on_url+  on_header*  on_headers_complete  on_body*  on_header*  on_message_complete

Fields behind ``on_headers_complete`` are trailers (RFC 9112 section 7.1.2).

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
"""The names of the callbacks in :class:`ParserCallbacks`."""


class ParserCallbacks(Protocol):
    """The object that a parser calls, such as :class:`~kyoukai.core.http1.protocol.HTTPProtocol`.

    An exception in a callback ends the parse: ``feed_data`` raises it, or an exception of the parser's own
    with the callback's as its cause or context. No further callback follows.
    """

    def on_message_begin(self) -> None:
        """Note the first byte of a request line."""

    def on_url(self, url: bytes) -> None:
        """Take the request target as sent, or its next piece."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one complete field: the name as sent; white space around the value may be left."""

    def on_headers_complete(self) -> None:
        """Note the end of the head: method, version and persistence can be asked for."""

    def on_body(self, body: bytes) -> None:
        """Take the next piece of the body, without its transfer coding."""

    def on_message_complete(self) -> None:
        """Note the end of the message. The next call is ``on_message_begin``."""


class RequestParser(Protocol):
    """An object with the interface of ``httptools.HttpRequestParser``, bound to a :class:`ParserCallbacks`.

    ``get_method``, ``get_http_version`` and ``should_keep_alive`` are called during ``on_headers_complete``,
    and have to be right only then.
    """

    def feed_data(self, data: bytes, /) -> None:
        """Parse the next bytes of the connection, which may be cut anywhere.

        :raises Exception: one of ``parser_errors``, if the bytes are not an HTTP/1 request. Everything
            complete before the fault was reported; the parser is not used again.
        """

    def get_method(self) -> bytes:
        """Return the method as sent."""

    def get_http_version(self) -> str:
        """Return the number of the version, such as ``"1.1"``."""

    def should_keep_alive(self) -> bool:
        """Return whether the client allows the connection to persist (RFC 9112 section 9.3)."""


class BodyParser(Protocol):
    """A parser that leaves heads to the server, and removes the transfer coding of bodies.

    A parser with ``begin_message`` is used as one.
    """

    def begin_message(self, head: "RequestHead", /) -> None:
        """Take a head that the server has read and the policy has accepted. It should not raise.

        :param head: its ``body_size`` tells how the body is delimited. A number: bytes of content. ``None``:
            chunks (RFC 9112 section 7.1). 0: there is no body, and the next call is for the next message.
        """

    def feed_data(self, data: bytes, /) -> None:
        """Take the next bytes of the body, including the framing of chunks and the trailer section.

        They may be cut anywhere, and never belong to another message. The call with the last byte of the
        message must call ``on_message_complete``.

        :raises Exception: one of ``parser_errors``, if the bytes are not such a body. It is not used again.
        """
