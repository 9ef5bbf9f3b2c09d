"""K3: what a parser calls, with which arguments, and when.

Each rule is checked with a message of its own, as simple as possible, so that breaking one rule breaks no
other.
"""

import re
from typing import Final

from ..stage import Line
from ..subject import Subject
from . import RuleBroken, check
from .backend import GET

TARGET: Final = b"/a%20b;c?d=%41&e=/*"
FIELDS: Final = (
    (b"Host", b"a"),
    (b"X-Twice", b"1"),
    (b"x-other", b'"q, r"'),
    (b"X-Twice", b"2"),
    (b"X-No", b""),
)
CHUNKED: Final = b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTENT: Final = b"five!and seven"
CHUNKS: Final = b"5\r\nfive!\r\n9\r\nand seven\r\n0\r\n\r\n"
CHUNK: Final = b"5\r\nhello\r\n0\r\n\r\n"
LETTERS: Final = {
    "on_message_begin": "b",
    "on_url": "u",
    "on_header": "h",
    "on_headers_complete": "c",
    "on_body": "d",
    "on_message_complete": "e",
}
ORDER: Final = re.compile(r"(?:bu+h*cd*h*e)*")

BODY_ORDER: Final = re.compile(r"(?:d*h*e)*")
"""The order of calls if the server reads the heads: only messages with a body reach the parser."""


async def _told(subject: Subject, *pieces: bytes) -> Line:
    """Send pieces on a connection whose calls are recorded."""
    async with subject.serve() as stage:
        line = stage.connected(record=True)
        for piece in pieces:
            await line.ask(piece)
        return line


def _broken(line: Line, message: str, expected: str) -> RuleBroken:
    """Return the error for a broken rule; if the request was refused, that comes first in its message."""
    broken = RuleBroken(message, line.sent, expected)
    if line.faults:
        return broken.because(line.faults[0])
    return broken.because(line.refusals[0]) if line.refusals else broken


def _sized(method: bytes, body: bytes) -> bytes:
    head = b"%b /sized HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    return head % (method, len(body))


@check("K3.1")
async def order(subject: Subject) -> None:
    """Compare the order of the calls for two messages on one connection with the grammar."""
    body = b"hello"
    line = await _told(subject, GET, _sized(b"POST", body) + body)
    letters = "".join(LETTERS[call.name] for call in line.timeline if call.name in LETTERS)
    pattern, count = (BODY_ORDER, 1) if subject.takes_heads else (ORDER, 2)
    if pattern.fullmatch(letters) is None or letters.count("e") != count:
        names = " ".join(call.name for call in line.timeline if call.name in LETTERS)
        expected = "begin, url+, header*, headers_complete, body*, header*, message_complete; twice"
        if subject.takes_heads:
            expected = "body*, header*, message_complete; once, for the message with a body"
        raise _broken(line, f"the parser called {names}", expected)


@check("K3.2")
async def target(subject: Subject) -> None:
    """Join the pieces of a target."""
    line = await _told(subject, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % TARGET)
    found = b"".join(bytes(args[0]) for args in line.calls("on_url"))
    if found != TARGET:
        raise _broken(line, f"on_url got {found!r}", repr(TARGET))


@check("K3.3")
async def fields(subject: Subject) -> None:
    """Send fields, one of them twice and one without a value, and check their order."""
    lines = b"".join(b"%b: %b\r\n" % field for field in FIELDS)
    line = await _told(subject, b"GET /fields HTTP/1.1\r\n" + lines + b"\r\n")
    found = tuple((bytes(name), bytes(value).strip(b" \t")) for name, value in line.calls("on_header"))
    if found != FIELDS:
        raise _broken(line, f"on_header got {found}", repr(FIELDS))


@check("K3.4")
async def content(subject: Subject) -> None:
    """Join the pieces of a body that is sent in two chunks."""
    line = await _told(subject, CHUNKED + CHUNKS)
    found = b"".join(bytes(args[0]) for args in line.calls("on_body"))
    if found != CONTENT:
        raise _broken(line, f"on_body got {found!r}", repr(CONTENT))


@check("K3.5")
async def no_empty_piece(subject: Subject) -> None:
    """Look for an empty piece."""
    line = await _told(subject, _sized(b"POST", b"hello") + b"hel", b"lo")
    if any(not args[0] for args in line.calls("on_body")):
        raise _broken(line, "on_body got an empty piece", "pieces of at least one byte")


@check("K3.6")
async def trailers(subject: Subject) -> None:
    """Check where the trailer fields are reported."""
    head = CHUNKED.replace(b"/chunked", b"/trailers")
    line = await _told(subject, head + b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n")
    names = [call.name for call in line.timeline]
    at = names.index("on_headers_complete") if "on_headers_complete" in names else len(names)
    if subject.takes_heads:
        at = 0
    after = [
        (bytes(call.args[0]), bytes(call.args[1]).strip())
        for call in line.timeline[at:]
        if call.name == "on_header"
    ]
    seen = line.seen[0] if line.seen else None
    if after != [(b"X-Trailer", b"1")] or seen is None or "x-trailer" in seen.fields:
        raise _broken(line, f"after the head, on_header got {after}", "the trailer field")


@check("K3.7")
async def method_and_version(subject: Subject) -> None:
    """Read the method and the version as soon as the head is complete."""
    line = await _told(subject, b"DELETE /old HTTP/1.0\r\nHost: a\r\n\r\n")
    if line.calls("on_headers_complete") != [(b"DELETE", "1.0")]:
        found = line.calls("on_headers_complete")
        raise _broken(line, f"the parser returns {found}", "(b'DELETE', '1.0')")


@check("K3.8")
async def head_at_once(subject: Subject) -> None:
    """Feed a head without its body."""
    line = await _told(subject, _sized(b"PUT", b"hello"))
    names = [call.name for call in line.timeline]
    if names[-2:] != ["on_headers_complete", "fed"]:
        raise _broken(line, f"after a head came calls {names}", "on_headers_complete within its feed_data")


@check("K3.9")
async def end_with_the_last_byte(subject: Subject) -> None:
    """Check when a message is reported as complete."""
    line = await _told(subject, _sized(b"PATCH", b"hello") + b"hell", b"o")
    feeds: list[list[str]] = []
    for call in line.timeline:
        if call.name == "feed":
            feeds.append([])
        if feeds:
            feeds[-1].append(call.name)
    complete = ["on_message_complete" in names for names in feeds]
    count = 2 if subject.takes_heads else 3
    if not complete or complete != [False] * (len(complete) - 1) + [True] or len(feeds) != count:
        raise _broken(line, f"the message was complete after {complete}", "with its last byte, not before")


@check("K3.10")
async def immutable(subject: Subject) -> None:
    """Check the types of the callbacks' arguments."""
    head = b"POST /bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
    line = await _told(subject, head + b"hello")
    for call in line.timeline:
        if call.name in ("on_url", "on_header", "on_body"):
            for value in call.args:
                if type(value) is not bytes:
                    raise _broken(line, f"{call.name} got a {type(value).__name__}", "bytes")


@check("K3.11")
async def as_it_comes(subject: Subject) -> None:
    """Send a part of a body, and check that it is passed on."""
    line = await _told(subject, _sized(b"POST", b"0123456789") + b"0123")
    found = b"".join(bytes(args[0]) for args in line.calls("on_body"))
    if found != b"0123":
        raise _broken(line, f"after a part of a body, on_body got {found!r}", "b'0123'")


@check("K3.12")
async def any_cutting(subject: Subject) -> None:
    """Send a body of one chunk whole, split at each position, and byte by byte."""
    ways = [(CHUNK[:position], CHUNK[position:]) for position in range(1, len(CHUNK))]
    single = tuple(CHUNK[position : position + 1] for position in range(len(CHUNK)))
    whole = await _told(subject, CHUNKED, CHUNK)
    wanted = b"".join(bytes(args[0]) for args in whole.calls("on_body"))
    for way in (*ways, single):
        line = await _told(subject, CHUNKED, *way)
        found = b"".join(bytes(args[0]) for args in line.calls("on_body"))
        ends = len(line.calls("on_message_complete"))
        if found != wanted or ends != 1:
            message = (
                f"split as {way}, on_body got {found!r}, and on_message_complete was called {ends} times"
            )
            raise _broken(line, message, f"{wanted!r}, and one call")
