"""What a client of HTTP/1.1 says, read as requests that any wire can carry. Everything here is pure.

The corpus and the generator write down bytes of HTTP/1.1. Much of what they say is about no bytes: a method,
a target, fields, a body, trailers. :func:`read_request` reads that, and is strict: bytes that a recipient of
HTTP/1.1 has to think about are HTTP/1's own, and an :class:`UntoldError` says which they are.
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
"""Around a value; more of it is sent to pass a limit."""

# Why something is said by no other wire.
UNFINISHED: Final = "a head that is not whole"
REQUEST_LINE: Final = "a request line that is not three words"
VERSION: Final = "another version of HTTP/1"
LINES: Final = "the lines of a head"
FRAMING: Final = "Content-Length or Transfer-Encoding that say no size, or several"
CHUNKS: Final = "the framing of chunks"


class UntoldError(Exception):
    """It is about HTTP/1's own bytes, and no other wire can say it. The message says what it is about."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request, as any wire has it: text stands for bytes, each character for one (latin-1)."""

    method: str
    target: str
    fields: Pairs = ()
    """Names and values in the order in which they were sent, without white space around a value. The size
    of the body, and how it is delimited, are not among them."""
    size: int | None = 0
    """Bytes of the body, as told before it; ``None``: its end alone tells."""
    body: bytes = b""
    """As much of it as is sent."""
    trailers: Pairs = ()
    is_whole: bool = True
    """Whether all of the body is sent, and its end."""
    ending: Action | None = None
    """What the client does behind it."""

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of a name, in order.

        :param name: in lower case.
        """
        return [value for found, value in self.fields if found.lower() == name]


def read_request(data: bytes) -> tuple[WireRequest, bytes]:
    """Return the first request of what a client sends, and what follows it.

    Of a body whose end has not come the part that there is belongs to it, and nothing follows.

    :raises UntoldError: if what it says is about HTTP/1's own bytes.
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
    """Return the fields of lines: what is wrong in a name or in a value is said with them."""
    fields = []
    for line in lines:
        name, found, value = line.partition(b":")
        stripped = value.strip(b" \t")
        # Folded lines, those that only some take for lines, and what a line costs mean nothing without lines.
        is_of_lines = line[:1] in (b" ", b"\t") or b"\n" in line
        if not found or is_of_lines or len(value) - len(stripped) > MOST_WHITE_SPACE:
            raise UntoldError(LINES)
        fields.append((name.decode("latin-1"), stripped.decode("latin-1")))
    return tuple(fields)


def _read_size(fields: Pairs) -> tuple[Pairs, int | None]:
    """Return the fields without those that frame the body, and what these say (RFC 9112 section 6.3)."""
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
    """Return body, trailers, whether they are whole, and what follows (RFC 9112 section 7.1)."""
    pieces: list[bytes] = []
    while True:
        found = SIZE_LINE.match(data)
        if found is None:
            if b"\r\n" in data:
                raise UntoldError(CHUNKS)
            # Not even the line that says how much is to come.
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
