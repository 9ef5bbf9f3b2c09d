"""The request parser, in pure Python and without I/O.

It parses requests by the grammar of RFC 9112::

    HTTP-message = request-line CRLF *( field-line CRLF ) CRLF [ message-body ]

and calls a :class:`~kyoukai.core.contract.parser.ParserCallbacks` with the result. The position in the code
is the state: :meth:`RequestParser._parse` is a generator that yields when it needs more bytes.

1. Strict: input that another recipient could read differently is refused. Nothing is repaired.
2. Callbacks, and the error raised after them, depend only on the bytes, not on how the bytes are split.
3. A head is reported when it is complete. A fault is reported at the first byte that shows it, or at the end
   of that line, so a waiting client gets its answer.
4. The parser never buffers more than the limits allow, and never buffers a body.

The grammar and the readers that enforce it are in :mod:`kyoukai.core`; the connection uses them too. This
module interprets what they read.
"""

from collections.abc import Generator
from functools import partial
from typing import Final, Never

from kyoukai.core.contract.parser import ParserCallbacks
from kyoukai.core.http1.chunked import read_chunks
from kyoukai.core.http1.readers import MAX_KNOWN_HEAD, read_head, read_trailers, split_head
from kyoukai.core.http1.receive_buffer import ReceiveBuffer
from kyoukai.core.known import Known
from kyoukai.core.limits import MOST, Limits
from kyoukai.core.semantics import policy
from kyoukai.core.semantics.framing import NO_BODY, Framing, request_framing

FRAMING_FIELDS: Final = frozenset({b"connection", b"content-length", b"transfer-encoding"})
"""Lower-case names of the fields that determine the end of a message and whether the connection persists."""


class ParsedHead:
    """A parsed head.

    :param head: the bytes of a head that matches the grammar.
    """

    __slots__ = ("_framing", "_framing_fields", "fields", "method", "target", "version")

    def __init__(self, head: bytes) -> None:
        self.method, self.target, self.version, self.fields = split_head(head)
        self._framing: Framing | None = None
        self._framing_fields: dict[bytes, list[bytes]] = {}
        for name, value in self.fields:
            if (lowered := name.lower()) in FRAMING_FIELDS:
                self._framing_fields.setdefault(lowered, []).append(value)

    def body_framing(self) -> Framing:
        """Return how the body is delimited (RFC 9112 section 6.3).

        :raises ProtocolError: if the delimitation is invalid or ambiguous.
        """
        if self._framing is None:
            self._framing = request_framing(
                self.joined(b"content-length"), self.joined(b"transfer-encoding"), self.version
            )
        return self._framing

    def joined(self, name: bytes) -> str | None:
        """Return all values of a field, joined by commas (RFC 9110 section 5.3)."""
        values = self._framing_fields.get(name)
        return None if values is None else b",".join(values).decode("latin-1")


NO_HEAD: Final = ParsedHead(b"  HTTP/\r\n\r\n")

_known: Final[Known[bytes, ParsedHead]] = Known(256)
"""Cache of parsed heads that arrive repeatedly."""


def _parse_head(head: bytes) -> ParsedHead:
    parsed = ParsedHead(head)
    if len(head) <= MAX_KNOWN_HEAD and _known.is_wanted(head):
        _known.keep(head, parsed)
    return parsed


class RequestParser:
    """Parser of one connection's requests. It has the API of ``kyoukai.core.contract.parser.RequestParser``.

    :param protocol: the object whose callbacks are called.
    :param limits: limits of heads, trailer sections, chunk extensions and bodies; ``None``: the default
        limits.
    :param is_checked: whether the caller feeds each head whole and on its own, already checked by
        :mod:`kyoukai.core.http1.readers`. The connection does so; the parser then does not check heads again.
    """

    def __init__(
        self, protocol: ParserCallbacks, limits: Limits | None = None, *, is_checked: bool = False
    ) -> None:
        self._protocol = protocol
        self._limits = limits or Limits()
        self._is_checked = is_checked
        self._buffer = ReceiveBuffer()
        self._parsing = self._parse()
        self._error: BaseException | None = None
        self._head = NO_HEAD

    def feed_data(self, data: bytes, /) -> None:
        """Parse the next bytes of the connection, however they are split.

        :raises ProtocolError: if the bytes are not an HTTP/1.x request, or exceed a limit.
        :raises Exception: any error of a callback. After an error no callback is called, and every further
            call raises the same error.
        """
        if self._error is not None:
            raise self._error
        buffer = self._buffer
        if buffer.data:
            buffer.feed(data)
        else:
            buffer.data = data
        try:
            next(self._parsing)
        except BaseException as error:
            self._error = error
            raise
        if buffer.data:
            buffer.drop_read()

    def get_method(self) -> bytes:
        """Return the method, as sent."""
        return self._head.method

    def get_http_version(self) -> str:
        """Return the version as sent, without ``HTTP/``: ``"1.1"``."""
        return self._head.version

    def should_keep_alive(self) -> bool:
        """Return whether the client allows the connection to persist (RFC 9112 section 9.3)."""
        value = self._head.joined(b"connection")
        options = set() if value is None else policy.connection_options(value)
        return policy.persists(options, self._head.version)

    def _parse(self) -> Generator[None, None, Never]:
        buffer, protocol = self._buffer, self._protocol
        while True:
            while buffer.offset == len(buffer.data):
                buffer.data, buffer.offset = b"", 0
                yield
            if self._is_checked:
                head = buffer.take_all()
            else:
                head = yield from read_head(buffer, self._limits)
            self._call_back(head)
            framing = self._head.body_framing()
            if framing is NO_BODY:
                pass
            elif framing.chunked:
                yield from self._read_chunked()
            else:
                yield from self._read_content(framing.content_length)
            protocol.on_message_complete()

    def _call_back(self, head: bytes) -> None:
        """Call the callbacks for a head that matches the grammar."""
        protocol = self._protocol
        protocol.on_message_begin()
        self._head = parsed = _known.get(head) or _parse_head(head)
        protocol.on_url(parsed.target)
        on_header = protocol.on_header
        for name, value in parsed.fields:
            on_header(name, value)
        # The server's policy checks the head first. The parser's framing only confirms the result.
        protocol.on_headers_complete()

    def _read_content(self, length: int) -> Generator[None, None, None]:
        """Read a body of known length."""
        buffer, on_body = self._buffer, self._protocol.on_body
        if not len(buffer):
            yield  # The head was fed on its own.
        if length <= len(buffer):
            on_body(buffer.take(length))
        else:
            yield from buffer.pass_on(length, on_body)

    def _read_chunked(self) -> Generator[None, None, None]:
        """Read a chunked body and its trailer section."""
        read_data = partial(self._buffer.pass_on, receiver=self._protocol.on_body)
        # The connection has already limited the body to the size that the application allows.
        max_size = MOST if self._is_checked else None
        yield from read_chunks(self._buffer, self._limits, read_data, max_size)
        for name, value in (yield from read_trailers(self._buffer, self._limits)):
            self._protocol.on_header(name, value)
