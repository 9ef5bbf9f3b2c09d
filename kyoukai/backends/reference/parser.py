"""The request parser, in pure Python and without I/O.

It reads requests as RFC 9112 writes them down::

    HTTP-message = request-line CRLF *( field-line CRLF ) CRLF [ message-body ]

and calls a :class:`~kyoukai.core.parser.ParserCallbacks` with what it has read. The place in the
code is the state: :meth:`RequestParser._parse` is a generator that yields where it needs more bytes.

1. Strict: whatever another recipient could read in another way is refused, and nothing is repaired.
2. What is called back, and which error is raised after it, depends on the bytes alone, and never on
   how they were cut.
3. A fault is reported at the first byte that shows it, or at the end of the line that does: a client
   that waits for an answer gets it.
4. No more is held than the limits allow; a body is never held.
"""

from collections.abc import Generator
from functools import partial
from typing import Final, Never

from kyoukai.core.errors import (
    BadRequest,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    URITooLong,
    VersionNotSupported,
)
from kyoukai.core.parser import ParserCallbacks

from .buffer import CR, ReceiveBuffer, bare_cr, bare_lf
from .chunked import read_chunks
from .grammar import (
    FRAMING_FIELDS,
    HEAD,
    HTTP_VERSION_SIZE,
    MAX_METHOD_SIZE,
    NOT_TCHAR,
    NOT_VCHAR,
    WHITESPACE,
    body_length,
    keep_alive,
    parse_field_line,
    parse_version,
)
from .upgrade import UpgradeOffered, offers_upgrade

SP: Final = 0x20

MAX_FIELD_WHITESPACE: Final = 1024
"""The most bytes that a field line may have besides name and value: the colon and white space."""

# RFC 9112 section 3: "A server that receives a method longer than any that it implements SHOULD
# respond with a 501 (Not Implemented) status code."
method_too_long: Final = partial(
    NotImplementedByServer, "The request method is longer than any that this server knows."
)
version_too_long: Final = partial(BadRequest, "The request line does not end in an HTTP version.")


class RequestParser:
    """Parses the requests of one connection, in the shape of ``kyoukai.core.parser.RequestParser``.

    :param protocol: what is called.
    :param max_head_size: the most bytes of a head, from the first of the empty lines before it to
        the last LF; of a trailer section; and of the chunk extensions of one body.
    :param max_target_size: the most bytes of a request target.
    :param max_field_size: the most bytes of one field, name and value together.
    :param max_fields: the most fields of a head, and of a trailer section.
    """

    def __init__(
        self,
        protocol: ParserCallbacks,
        *,
        max_head_size: int = 65536,
        max_target_size: int = 8192,
        max_field_size: int = 16384,
        max_fields: int = 100,
    ) -> None:
        self._protocol = protocol
        self._max_head_size = max_head_size
        self._max_target_size = min(max_target_size, max_head_size)
        self._max_field_size = max_field_size
        self._max_fields = max_fields
        # A head that is no longer than either has no field that is longer.
        self._small_head_size = min(max_head_size, max_field_size)
        self._buffer = ReceiveBuffer()
        self._parsing = self._parse()
        self._error: BaseException | None = None
        self._method = b""
        self._version = b""
        self._framing: dict[bytes, list[bytes]] = {}
        self._stops = False

    def feed_data(self, data: bytes, /) -> None:
        """Parse the next bytes of the connection, wherever they are cut.

        :raises UpgradeOffered: if the parser stops; it can be fed again.
        :raises ProtocolError: if they are no HTTP/1.x request, or pass a limit.
        :raises Exception: what a callback raised. After any error nothing is called any more, and
            every further call raises the same error.
        """
        if self._error is not None:
            raise self._error
        self._buffer.feed(data)
        try:
            next(self._parsing)
        except BaseException as error:
            self._error = error
            raise
        if self._stops:
            self._stops = False
            rest = self._buffer.take(len(self._buffer.data))
            self._buffer.drop_read()
            raise UpgradeOffered(rest)
        self._buffer.drop_read()

    def get_method(self) -> bytes:
        """Return the method, as sent."""
        return self._method

    def get_http_version(self) -> str:
        """Return the version, as sent, without its name: ``"1.1"``."""
        return self._version.decode("ascii")

    def should_keep_alive(self) -> bool:
        """Return whether the client lets the connection persist (RFC 9112 section 9.3)."""
        return keep_alive(self._version, self._framing.get(b"connection", ()))

    def should_upgrade(self) -> bool:
        """Return whether the parser stops behind this request (RFC 9110 section 7.8).

        It does if an upgrade is offered and no body is between the head and what the other protocol
        may have sent. A body is read, and after it HTTP/1.1.
        """
        return offers_upgrade(self._version, self._framing) and self._body_length() == 0

    def _parse(self) -> Generator[None, None, Never]:
        buffer, protocol = self._buffer, self._protocol
        while True:
            while buffer.offset == len(buffer.data):
                yield
            if not self._take_small_head():
                yield from self._read_head()
            protocol.on_headers_complete()
            # After the callback: the server's policy speaks first, and this only confirms it.
            stops = False
            if self._framing:
                stops = self.should_upgrade()
                yield from self._read_body()
            protocol.on_message_complete()
            if stops:
                self._stops = True
                yield

    def _take_small_head(self) -> bool:
        """Read a head that is valid, whole and small, in one match. Otherwise, read nothing.

        It is a short cut: ``_read_head`` would call back the same.
        """
        buffer, protocol = self._buffer, self._protocol
        start = buffer.offset
        head = HEAD.match(buffer.data, start, start + self._small_head_size)
        if head is None:
            return False
        method, target, version, field_lines = head.groups()
        lines = field_lines.split(b"\r\n")
        lines.pop()
        if len(lines) > self._max_fields or len(target) > self._max_target_size:
            return False
        buffer.offset = head.end()
        protocol.on_message_begin()
        self._method = method
        self._version = version
        protocol.on_url(target)
        on_header = protocol.on_header
        framing: dict[bytes, list[bytes]] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            value = value.strip(WHITESPACE)
            if name.lower() in FRAMING_FIELDS:
                framing.setdefault(name.lower(), []).append(value)
            on_header(name, value)
        self._framing = framing
        return True

    def _read_head(self) -> Generator[None, None, None]:
        """Read the empty lines before a head, and the head, line by line."""
        room = yield from self._skip_empty_lines()
        self._protocol.on_message_begin()
        room -= yield from self._read_request_line()
        self._framing = yield from self._read_fields(room)

    def _skip_empty_lines(self) -> Generator[None, None, int]:
        """Read up to the first byte of a request line, and return how many more the head may have.

        RFC 9112 section 2.2: "a server that is expecting to receive and parse a request-line SHOULD
        ignore at least one empty line (CRLF) received prior to the request-line."
        """
        buffer, room = self._buffer, self._max_head_size
        while True:
            while buffer.data.startswith(b"\r\n", buffer.offset):
                buffer.offset += 2
                room -= 2
                if room <= 0:
                    raise HeaderFieldsTooLarge
            rest = buffer.data[buffer.offset : buffer.offset + 2]
            if rest.startswith(b"\n"):
                raise bare_lf()
            if rest and rest[0] != CR:
                return room
            if len(rest) == 2:
                raise bare_cr()
            yield

    def _read_request_line(self) -> Generator[None, None, int]:
        """Read the request line, and return how many bytes it has (RFC 9112 section 3).

        ::

            request-line = method SP request-target SP HTTP-version
        """
        buffer = self._buffer
        method, stop = yield from buffer.read_until(NOT_TCHAR, MAX_METHOD_SIZE, method_too_long)
        if stop != SP or not method:
            raise BadRequest("The request line does not begin with a method and a space.")
        buffer.offset += 1
        target, stop = yield from buffer.read_until(NOT_VCHAR, self._max_target_size, URITooLong)
        if stop == CR and target and method == b"GET":
            # RFC 1945 section 4.1, HTTP/0.9: Simple-Request = "GET" SP Request-URI CRLF
            yield from buffer.read_line(0, version_too_long)
            raise VersionNotSupported
        if stop != SP or not target:
            raise BadRequest(
                "The request line has no request target of visible ASCII characters and a space."
            )
        buffer.offset += 1
        version = yield from buffer.read_line(HTTP_VERSION_SIZE, version_too_long)
        self._version = parse_version(version)
        self._method = method
        self._protocol.on_url(target)
        return len(method) + 1 + len(target) + 1 + len(version) + 2

    def _read_fields(self, room: int) -> Generator[None, None, dict[bytes, list[bytes]]]:
        """Read ``*( field-line CRLF ) CRLF``: the fields of a head, or a trailer section.

        :param room: the most bytes that they may have.
        :return: the values of those fields that frame a message, by their names in lower case.
        """
        framing: dict[bytes, list[bytes]] = {}
        longest_line = self._max_field_size + MAX_FIELD_WHITESPACE
        count = 0
        while line := (yield from self._buffer.read_line(min(room - 2, longest_line), HeaderFieldsTooLarge)):
            room -= len(line) + 2
            count += 1
            name, value = parse_field_line(line)
            if count > self._max_fields or len(name) + len(value) > self._max_field_size:
                raise HeaderFieldsTooLarge
            if name.lower() in FRAMING_FIELDS:
                framing.setdefault(name.lower(), []).append(value)
            self._protocol.on_header(name, value)
        return framing

    def _body_length(self) -> int | None:
        framing = self._framing
        return body_length(
            self._version, framing.get(b"content-length", ()), framing.get(b"transfer-encoding", ())
        )

    def _read_body(self) -> Generator[None, None, None]:
        """Read the body and the trailer section, where the head says that they follow."""
        on_body = self._protocol.on_body
        length = self._body_length()
        if length is not None:
            yield from self._buffer.pass_on(length, on_body)
        else:
            yield from read_chunks(self._buffer, self._max_head_size, on_body)
            trailers = yield from self._read_fields(self._max_head_size)
            # RFC 9110 section 6.5.1: what is needed for framing cannot come in a trailer section. A
            # recipient that merged it with the header fields would find another end.
            if b"content-length" in trailers or b"transfer-encoding" in trailers:
                raise BadRequest("A trailer field frames the message.")
