"""The request parser, in pure Python and without I/O.

It reads requests as RFC 9112 writes them down::

    HTTP-message = request-line CRLF *( field-line CRLF ) CRLF [ message-body ]

and calls a :class:`~kyoukai.core.contract.parser.ParserCallbacks` with what it has read. The place in the
code is the state: :meth:`RequestParser._parse` is a generator that yields where it needs more bytes.

1. Strict: whatever another recipient could read in another way is refused, and nothing is repaired.
2. What is called back, and which error is raised after it, depends on the bytes alone, and never on
   how they were cut.
3. A head is called back when it is whole. A fault is reported at the first byte that shows it, or at
   the end of the line that does: a client that waits for an answer gets it.
4. No more is held than the limits allow; a body is never held.

The grammar, and the readers that hold a message to it, are those of :mod:`kyoukai.core`, which
serve the connection too. What is here is what they mean.
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
"""The fields, in lower case, that say where a message ends and whether another one follows."""


class ParsedHead:
    """What a head says.

    :param head: of a message, whose grammar is right.
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

        :raises ProtocolError: if that cannot be told.
        """
        if self._framing is None:
            self._framing = request_framing(
                self.joined(b"content-length"), self.joined(b"transfer-encoding"), self.version
            )
        return self._framing

    def joined(self, name: bytes) -> str | None:
        """Return the values of the fields of one name, joined by comma (RFC 9110 section 5.3)."""
        values = self._framing_fields.get(name)
        return None if values is None else b",".join(values).decode("latin-1")


NO_HEAD: Final = ParsedHead(b"  HTTP/\r\n\r\n")

_known: Final[Known[bytes, ParsedHead]] = Known(256)
"""What heads say that may come again."""


def _parse_head(head: bytes) -> ParsedHead:
    parsed = ParsedHead(head)
    if len(head) <= MAX_KNOWN_HEAD and _known.is_wanted(head):
        _known.keep(head, parsed)
    return parsed


class RequestParser:
    """Parses the requests of one connection, in the shape of ``kyoukai.core.contract.parser.RequestParser``.

    :param protocol: what is called.
    :param limits: how much of a head, a trailer section, chunk extensions and a body there may be;
        ``None``: as much as by default.
    :param is_checked: whether every head is fed whole and by itself, and has been read by
        :mod:`kyoukai.core.http1.readers` already, as a connection does it. To read it again by the same
        code would find nothing.
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
        """Parse the next bytes of the connection, wherever they are cut.

        :raises ProtocolError: if they are no HTTP/1.x request, or pass a limit.
        :raises Exception: what a callback raised. After any error nothing is called any more, and
            every further call raises the same error.
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
        """Return the version, as sent, without its name: ``"1.1"``."""
        return self._head.version

    def should_keep_alive(self) -> bool:
        """Return whether the client lets the connection persist (RFC 9112 section 9.3)."""
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
        """Tell the protocol of a head, whose grammar is right."""
        protocol = self._protocol
        protocol.on_message_begin()
        self._head = parsed = _known.get(head) or _parse_head(head)
        protocol.on_url(parsed.target)
        on_header = protocol.on_header
        for name, value in parsed.fields:
            on_header(name, value)
        # The server's policy speaks first; what this parser says of framing only confirms it.
        protocol.on_headers_complete()

    def _read_content(self, length: int) -> Generator[None, None, None]:
        """Read a body of a known length."""
        buffer, on_body = self._buffer, self._protocol.on_body
        if not len(buffer):
            yield  # The head came by itself.
        if length <= len(buffer):
            on_body(buffer.take(length))
        else:
            yield from buffer.pass_on(length, on_body)

    def _read_chunked(self) -> Generator[None, None, None]:
        """Read a chunked body, and the trailer section behind it."""
        read_data = partial(self._buffer.pass_on, receiver=self._protocol.on_body)
        # What has been read already is as long as the application lets this body be.
        max_size = MOST if self._is_checked else None
        yield from read_chunks(self._buffer, self._limits, read_data, max_size)
        for name, value in (yield from read_trailers(self._buffer, self._limits)):
            self._protocol.on_header(name, value)
