"""Reading a head or a trailer section line by line, and checking it against the grammar and the limits.

The readers are generators over a :class:`~kyoukai.core.http1.receive_buffer.ReceiveBuffer`. They report a
fault at the first byte that proves it, or at the end of that line, so that a client waiting for an answer
gets it. The bytes alone decide which fault is reported, never their division into pieces.
"""

from collections.abc import Callable, Container, Generator
from functools import partial
from typing import TYPE_CHECKING, Final

from ..errors import refused
from ..semantics import policy
from ..semantics.grammar import (
    FIELD_LINES,
    FRAMING_FIELDS,
    HEAD,
    HTTP_VERSION_SIZE,
    MAX_METHOD_SIZE,
    NOT_TCHAR,
    NOT_VCHAR,
    START,
    parse_field_line,
    parse_version,
)
from ..semantics.methods import SERVED_METHODS
from ..semantics.target import parse_target
from .receive_buffer import CR, ReceiveBuffer, bare_cr, bare_lf

if TYPE_CHECKING:
    from ..limits import Limits

SP: Final = 0x20

TLS_HANDSHAKE: Final = 0x16
"""The content type of the record that a TLS client begins with (RFC 8446 section 5.1)."""

MAX_FIELD_WHITESPACE: Final = 1024
"""The most bytes of a field line besides name and value: the colon and white space."""

MAX_KNOWN_HEAD: Final = 2 * 1024
"""The most bytes of a head that is cached for later requests. Browsers send 1 KiB."""

# RFC 9112 section 3: "A server that receives a method longer than any that it implements SHOULD
# respond with a 501 (Not Implemented) status code."
method_too_long: Final = partial(refused, "method-unknown")
target_too_long: Final = partial(refused, "target-too-long")
version_too_long: Final = partial(refused, "version-malformed")
head_too_large: Final = partial(refused, "head-too-large")
field_too_large: Final = partial(refused, "field-too-large")


def take_head(
    buffer: ReceiveBuffer,
    small_size: int,
    known: Container[bytes] = frozenset(),
    methods: Container[bytes] = SERVED_METHODS,
) -> bytes | None:
    """Read a head that is small and buffered whole; return ``None`` and read nothing if there is none.

    The fast path of nearly every head. :func:`read_head` would return an equivalent one, or refuse what
    :func:`~kyoukai.core.semantics.policy.accept` refuses.

    :param small_size: the most bytes of a head in which no field can be too long.
    :param known: heads that were read before and accepted.
    :param methods: those that are served.
    """
    data, start = buffer.data, buffer.offset
    # No line of a head has a CR in it, so the first empty line ends the head.
    end = data.find(b"\r\n\r\n", start, start + small_size) + 4
    if end < 4:
        return None
    head = data if end - start == len(data) and type(data) is bytes else bytes(data[start:end])
    if head not in known:
        match = HEAD.fullmatch(head)
        if match is None or match[1] not in methods:
            return None
    buffer.offset = end
    return head


def read_head(
    buffer: ReceiveBuffer, limits: "Limits", methods: Container[bytes] = SERVED_METHODS
) -> Generator[None, None, bytes]:
    """Read the empty lines before a head, and the head.

    :param methods: those that are served.
    :return: the head without the empty lines before it. Each value has one space before it and none behind
        it, which no parser can misread.
    :raises ProtocolError: if the head is malformed or passes a limit, or its request line is refused.
    """
    room = yield from _skip_empty_lines(buffer, limits)
    buffer.kept = buffer.offset
    request_line = yield from _read_request_line(buffer, limits, methods)
    fields = yield from read_fields(buffer, room - len(request_line) - 2, limits)
    buffer.kept = None
    lines = [request_line, *(b"%b: %b" % field for field in fields), b"", b""]
    return b"\r\n".join(lines)


def read_start(head: bytes) -> tuple[bytes, bytes, str]:
    """Return method, target and version of a head that may be incomplete or malformed.

    The target may be cut. A missing method or target is empty; a missing version is ``"1.1"``.
    """
    match = START.match(head)
    if match is None:
        return b"", b"", "1.1"
    return match[1], match[2], (match[3] or b"1.1").decode("ascii")


def _skip_empty_lines(buffer: ReceiveBuffer, limits: "Limits") -> Generator[None, None, int]:
    """Read up to the first byte of a request line; return how many bytes the head may still have.

    RFC 9112 section 2.2: "a server that is expecting to receive and parse a request-line SHOULD
    ignore at least one empty line (CRLF) received prior to the request-line."
    """
    room = limits.max_head_size
    while True:
        while buffer.data.startswith(b"\r\n", buffer.offset):
            buffer.offset += 2
            room -= 2
            if room <= 0:
                raise head_too_large()
        rest = buffer.data[buffer.offset : buffer.offset + 2]
        if rest.startswith(b"\n"):
            raise bare_lf()
        if rest and rest[0] != CR:
            return room
        if len(rest) == 2:
            raise bare_cr()
        yield


def _read_request_line(
    buffer: ReceiveBuffer, limits: "Limits", methods: Container[bytes]
) -> Generator[None, None, bytes]:
    """Read the request line, and return it without its CRLF (RFC 9112 section 3).

    ::

        request-line = method SP request-target SP HTTP-version
    """
    method, stop = yield from buffer.read_until(NOT_TCHAR, MAX_METHOD_SIZE, method_too_long)
    if stop != SP or not method:
        if stop == TLS_HANDSHAKE and not method:
            raise refused("tls-on-plain-port")
        raise refused("method-malformed")
    buffer.offset += 1
    longest = min(limits.max_target_size, limits.max_head_size)
    target, stop = yield from buffer.read_until(NOT_VCHAR, longest, target_too_long)
    if stop == CR and target and method == b"GET":
        # RFC 1945 section 4.1, HTTP/0.9: Simple-Request = "GET" SP Request-URI CRLF
        yield from buffer.read_line(0, version_too_long)
        # Section 5.1.2: Request-URI = absoluteURI | abs_path. A line with anything else, such as one
        # without a target, belongs to no version of HTTP.
        parse_target(target, "GET", longest)
        raise refused("version-unknown")
    if stop != SP or not target:
        raise refused("target-malformed")
    buffer.offset += 1
    version = yield from buffer.read_line(HTTP_VERSION_SIZE, version_too_long)
    parse_version(version)
    policy.check_request_line(method, target, limits, methods)
    return b"%b %b %b" % (method, target, version)


def read_fields(
    buffer: ReceiveBuffer,
    room: int,
    limits: "Limits",
    parse: Callable[[bytes], tuple[bytes, bytes]] = parse_field_line,
) -> Generator[None, None, list[tuple[bytes, bytes]]]:
    """Read ``*( field-line CRLF ) CRLF``: the fields of a head, or a trailer section.

    :param room: the most bytes that they may have.
    :param parse: returns the name and the value of a line.
    :raises BadRequest: if a line is malformed.
    :raises HeaderFieldsTooLarge: if they pass a limit.
    """
    fields: list[tuple[bytes, bytes]] = []
    longest_line = limits.max_field_size + MAX_FIELD_WHITESPACE
    while True:
        most = room - 2
        longest, too_long = (most, head_too_large) if most < longest_line else (longest_line, field_too_large)
        line = yield from buffer.read_line(longest, too_long)
        if not line:
            return fields
        room -= len(line) + 2
        name, value = buffer.parse_line(line, parse)
        fields.append((name, value))
        if len(fields) > limits.max_fields:
            raise refused("fields-too-many")
        if len(name) + len(value) > limits.max_field_size:
            raise field_too_large()


def parse_trailer_line(line: bytes) -> tuple[bytes, bytes]:
    """Return the name and the value of a line of a trailer section.

    :raises BadRequest: if it is malformed, or names a field that frames the message.
    """
    name, value = parse_field_line(line)
    # RFC 9110 section 6.5.1: fields that are needed for framing are not allowed in a trailer section. A
    # recipient that merged one into the header fields would find another end.
    if name.lower() in FRAMING_FIELDS:
        raise refused("trailer-frames-message")
    return name, value


def read_trailers(
    buffer: ReceiveBuffer, limits: "Limits"
) -> Generator[None, None, list[tuple[bytes, bytes]]]:
    """Read a trailer section (RFC 9112 section 7.1.2).

    :raises BadRequest: if a line is malformed, or names a field that frames the message.
    :raises HeaderFieldsTooLarge: if it passes a limit of header fields.
    """
    return (yield from read_fields(buffer, limits.max_head_size, limits, parse_trailer_line))


def split_head(head: bytes) -> tuple[bytes, bytes, str, list[tuple[bytes, bytes]]]:
    """Split a head, as the functions above return it, into method, target, version and fields."""
    request_line, _, field_lines = head.partition(b"\r\n")
    # RFC 9112 section 3: request-line = method SP request-target SP HTTP-version
    method, target, version = request_line.split(b" ")
    return method, target, version[len(b"HTTP/") :].decode("ascii"), FIELD_LINES.findall(field_lines)
