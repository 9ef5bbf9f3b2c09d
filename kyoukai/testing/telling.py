"""Read HTTP/1.1 bytes as a request that any wire format can carry. All functions here are pure.

The corpus and the generator write HTTP/1.1 bytes. Most of them describe something that other wire formats
have too: a method, a target, fields, a body, trailers. :func:`read_request` reads those, and is strict. If
the bytes are about the syntax of HTTP/1.1 itself, it raises :class:`UntoldError` with what they are about.
"""

import re
from dataclasses import dataclass
from typing import Final

from .chunking import Action

__all__ = ("UntoldError", "WireRequest", "read_request")

Pairs = tuple[tuple[str, str], ...]

LENGTH: Final = re.compile(r"[0-9]{1,16}")
SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")

MOST_WHITE_SPACE: Final = 16
"""White space allowed around a value; more than this is sent only to exceed a limit."""

# What a request is about that only HTTP/1 can express.
UNFINISHED: Final = "an incomplete head"
REQUEST_LINE: Final = "a request line without exactly three words"
VERSION: Final = "another version of HTTP/1"
LINES: Final = "the line structure of a head"
FRAMING: Final = "Content-Length or Transfer-Encoding without one valid size"
CHUNKS: Final = "the framing of chunks"


class UntoldError(Exception):
    """The request is about HTTP/1's own syntax, so no other wire format can carry it; see the message."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request, independent of the wire format. Text stands for bytes, one character each (latin-1)."""

    method: str
    target: str
    fields: Pairs = ()
    """Names and values in the order sent, values without surrounding white space. Fields that give the body's
    size or delimit it are left out."""
    size: int | None = 0
    """Size of the body as announced; ``None``: unknown until the body ends."""
    body: bytes = b""
    """The part of the body that is sent."""
    trailers: Pairs = ()
    is_whole: bool = True
    """Whether the body is sent completely, with its end."""
    ending: Action | None = None
    """What the client does afterwards."""

    def values(self, name: str) -> list[str]:
        """Return the values of the fields with a name, in order.

        :param name: in lower case.
        """
        return [value for found, value in self.fields if found.lower() == name]


def read_request(data: bytes) -> tuple[WireRequest, bytes]:
    """Return the first request in the data, and the data after it.

    If the end of the body is missing, the rest of the data is the body, and nothing follows.

    :raises UntoldError: if the request is about HTTP/1's own syntax.
    """
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        raise UntoldError(UNFINISHED)
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not all(words) or b"\n" in first:
        raise UntoldError(REQUEST_LINE)
    if words[2] != b"HTTP/1.1":
        raise UntoldError(VERSION)
    fields, size = _read_size(_read_fields(lines))
    method, target = (word.decode("latin-1") for word in words[:2])
    if size is not None:
        body, rest = rest[:size], rest[size:]
        return WireRequest(method, target, fields, size, body, (), len(body) == size), rest
    body, trailers, is_whole, rest = _read_chunks(rest)
    return WireRequest(method, target, fields, None, body, trailers, is_whole), rest


def _read_fields(lines: list[bytes]) -> Pairs:
    """Return the fields of the lines, with any invalid name or value unchanged."""
    fields = []
    for line in lines:
        name, found, value = line.partition(b":")
        stripped = value.strip(b" \t")
        # Folded lines, bare line feeds and the size of a line mean nothing without lines.
        is_of_lines = line[:1] in (b" ", b"\t") or b"\n" in line
        if not found or is_of_lines or len(value) - len(stripped) > MOST_WHITE_SPACE:
            raise UntoldError(LINES)
        fields.append((name.decode("latin-1"), stripped.decode("latin-1")))
    return tuple(fields)


def _read_size(fields: Pairs) -> tuple[Pairs, int | None]:
    """Return the fields without those that frame the body, and the size they give (RFC 9112 section 6.3)."""
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    codings = [value for name, value in fields if name.lower() == "transfer-encoding"]
    others = tuple(
        (name, value) for name, value in fields if name.lower() not in ("content-length", "transfer-encoding")
    )
    if codings:
        if lengths or len(codings) > 1 or codings[0].lower() != "chunked":
            raise UntoldError(FRAMING)
        return others, None
    if not lengths:
        return others, 0
    if len(lengths) > 1 or LENGTH.fullmatch(lengths[0]) is None:
        raise UntoldError(FRAMING)
    return others, int(lengths[0])


def _read_chunks(data: bytes) -> tuple[bytes, Pairs, bool, bytes]:
    """Return body, trailers, whether both are complete, and the data after them (RFC 9112 section 7.1)."""
    pieces: list[bytes] = []
    while True:
        found = SIZE_LINE.match(data)
        if found is None:
            if b"\r\n" in data:
                raise UntoldError(CHUNKS)
            # Even the line with the chunk's size is missing.
            return b"".join(pieces), (), False, b""
        size, data = int(found[1], 16), data[found.end() :]
        if not size:
            break
        pieces.append(data[:size])
        if len(data) < size + 2:
            return b"".join(pieces), (), False, b""
        if data[size : size + 2] != b"\r\n":
            raise UntoldError(CHUNKS)
        data = data[size + 2 :]
    if data.startswith(b"\r\n"):
        return b"".join(pieces), (), True, data[2:]
    section, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return b"".join(pieces), (), False, b""
    return b"".join(pieces), _read_fields(section.split(b"\r\n")), True, rest
