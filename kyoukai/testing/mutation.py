"""Mutations of a client's data: each is a fault that some HTTP parser has accepted.

The mutations know nothing about HTTP except its separators; most changes are made next to one.
"""

import re
from collections.abc import Callable
from typing import Final

from .choices import Source, mostly

SEPARATOR: Final = re.compile(rb"[\r\n :;,=\t/.\"]")

# Characters that some parsers take for white space, a line end or (by Unicode) a digit.
ODD: Final = (
    *(b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f"),
    *(b"\x7f", b"\x80", b"\x85", b"\xa0", b"\xad", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf"),
    *(b"\xb2", b"\xb9", b"\xd9\xa1", b"\xef\xbc\x91", b"\xe0\xa5\xa7", b"\x08", b"\x1b", b"\x01"),
    *(b"0", b"1", b"9", b"a", b"F", b"g", b"_", b"-", b"+", b".", b",", b";", b":", b"=", b'"', b"\\", b"/"),
    *(b"#", b"?", b"*", b"@", b"%", b"(", b"[", b"{", b"|", b"~", b"'", b"<"),
)

# Longer texts that end an element, or start another.
WORDS: Final = (
    *(
        b"\r\n\r\n",
        b"\r\r\n",
        b"\n\r",
        b"\n\n",
        b"\r\n ",
        b"\r\n\t",
        b"0\r\n\r\n",
        b"0\r\n",
        b"\r\n0\r\n\r\n",
    ),
    *(b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: x\r\n", b"Expect: 100-continue\r\n"),
    *(
        b"Content-Encoding: gzip\r\n",
        b"Expect: x\r\n",
        b"X_Y: 1\r\n",
        b"X: " + b"a" * 300 + b"\r\n",
        b": ",
        b": \r\n",
    ),
    *(
        b" HTTP/1.1",
        b"HTTP/1.0",
        b"GET ",
        b"chunked",
        b";a=b",
        b"hello",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)

LINE_ENDS: Final = (
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r",
    b"",
    b" \r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\t\r\n",
    b"\r \n",
    b"\x85",
)


def mutate(data: bytes, source: Source) -> bytes:
    """Return ``data`` with one more fault; sometimes the change is valid."""
    return mostly(source, MUTATIONS, len(MUTATIONS))(data, source) if data else data


def position(data: bytes, source: Source) -> int:
    """Return the position of a byte, mostly one next to a separator."""
    index = source.randrange(len(data))
    if source.randrange(3):
        found = SEPARATOR.search(data, index)
        if found is not None:
            return min(found.start() + source.randrange(2), len(data) - 1)
    return index


def insert(data: bytes, source: Source) -> bytes:
    """Insert an odd character."""
    at = position(data, source)
    return data[:at] + source.choice(ODD) + data[at:]


def insert_word(data: bytes, source: Source) -> bytes:
    """Insert a longer text, at the start of a line or anywhere."""
    at = position(data, source)
    if source.randrange(2):
        at = data.find(b"\r\n", at) + 2 if b"\r\n" in data[at:] else at
    return data[:at] + source.choice(WORDS) + data[at:]


def replace(data: bytes, source: Source) -> bytes:
    """Replace a byte with an odd character."""
    at = position(data, source)
    return data[:at] + source.choice(ODD) + data[at + 1 :]


def replace_any(data: bytes, source: Source) -> bytes:
    """Replace a byte with any byte."""
    at = position(data, source)
    return data[:at] + bytes((source.randrange(256),)) + data[at + 1 :]


def delete(data: bytes, source: Source) -> bytes:
    """Delete one byte or a few."""
    at = position(data, source)
    return data[:at] + data[at + source.choice((1, 1, 1, 2, 3, 10)) :]


def duplicate(data: bytes, source: Source) -> bytes:
    """Duplicate one byte or a few."""
    at = position(data, source)
    end = at + source.choice((1, 1, 1, 2, 3, 10))
    return data[:end] + data[at:]


def swap(data: bytes, source: Source) -> bytes:
    """Swap two adjacent bytes."""
    at = position(data, source)
    return data[:at] + data[at : at + 2][::-1] + data[at + 2 :]


def change_case(data: bytes, source: Source) -> bytes:
    """Change the case of one byte or a few."""
    at = source.randrange(len(data))
    end = at + source.choice((1, 1, 2, 10))
    return data[:at] + data[at:end].swapcase() + data[end:]


def truncate(data: bytes, source: Source) -> bytes:
    """Keep only the beginning."""
    return data[: position(data, source)]


def change_line_end(data: bytes, source: Source) -> bytes:
    """Replace a CRLF with something else."""
    ends = [found.start() for found in re.finditer(rb"\r\n", data)]
    if not ends:
        return data
    at = source.choice(ends)
    return data[:at] + source.choice(LINE_ENDS) + data[at + 2 :]


def change_lines(data: bytes, source: Source) -> bytes:
    """Delete, duplicate or move a line."""
    lines = data.split(b"\r\n")
    at, to = source.randrange(len(lines)), source.randrange(len(lines))
    kind = source.randrange(3)
    line = lines[at] if kind == 1 else lines.pop(at)
    if kind:
        lines.insert(to, line)
    return b"\r\n".join(lines)


def change_number(data: bytes, source: Source) -> bytes:
    """Replace a number with another one."""
    numbers = [found.span() for found in re.finditer(rb"[0-9]+", data)]
    if not numbers:
        return data
    start, end = source.choice(numbers)
    number = int(data[start : min(end, start + 20)])
    text = source.choice((b"%d" % (number + 1), b"%d" % max(0, number - 1), b"0%d" % number, b"%x" % number))
    return data[:start] + text + data[end:]


MUTATIONS: Final[tuple[Callable[[bytes, Source], bytes], ...]] = (
    insert,
    replace,
    insert_word,
    change_line_end,
    delete,
    duplicate,
    swap,
    change_lines,
    change_number,
    change_case,
    replace_any,
    truncate,
)
