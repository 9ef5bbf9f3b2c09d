"""A strict client-side reader of HTTP/1.1 answers, independent of the server's code.

It accepts only what RFC 9112 lets a server send. Anything that a lenient client would forgive is a fault.
Where the RFC leaves a choice, the reader requires what this server promises: a Date, exactly one framing, and
nothing after the answer that says ``close``.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final, NamedTuple

# RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]
STATUS_LINE: Final = re.compile(r"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")

# RFC 9112 section 5: field-line = field-name ":" OWS field-value OWS
FIELD_LINE: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")

# RFC 9112 section 7.1: chunk-size = 1*HEXDIG
CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,16}")

SINGLETONS: Final = frozenset(
    {"connection", "content-length", "content-type", "date", "server", "transfer-encoding"}
)

BODILESS: Final = frozenset({204, 304})


class Asked(NamedTuple):
    """What the client knows about the request that an answer belongs to."""

    method: str | None
    """``None``: unknown, so answers to HEAD and to other methods are both accepted."""
    version: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Answers that differ only in their Date are equal."""

    status: int
    reason: str
    fields: Mapping[str, str]
    """The fields without Date: names in lower case, repeated values joined by a comma and a space."""
    content: bytes
    complete: bool
    """Whether all of it was received."""
    date: str = field(default="", compare=False)

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends after it."""
        return self.fields.get("connection", "").lower() == "close"

    def get(self, name: str) -> str | None:
        """Return a field's value, or ``None``; ``name`` is in lower case."""
        return (self.date or None) if name == "date" else self.fields.get(name)


class Reading(NamedTuple):
    """All answers that were read on one connection."""

    answers: tuple[Answer, ...]
    continued: int
    """How many times ``100 Continue`` was received."""
    faults: tuple[str, ...]
    """What the server must not have sent."""


class _Head(NamedTuple):
    status: int
    reason: str
    fields: dict[str, str]
    date: str
    faults: tuple[str, ...]


def read_answers(data: bytes, asked: Sequence[Asked], *, ended: bool, aborted: bool = False) -> Reading:
    """Read everything that a server sent on one connection.

    :param asked: the requests, in order; the last one also stands for all later ones.
    :param ended: whether the server's end of file was received.
    :param aborted: whether the connection broke without an end of file.
    """
    answers: list[Answer] = []
    faults: list[str] = []
    continued = 0
    offset = 0
    while offset < len(data):
        if answers and answers[-1].closes:
            faults.append(f"{len(data) - offset} bytes follow the answer that said close")
            break
        end = data.find(b"\r\n\r\n", offset)
        if end < 0:
            answers.append(_partial(data[offset:], faults))
            break
        head = _read_head(data[offset : end + 2])
        if head is None:
            faults.append(f"not the start of an answer: {data[offset : offset + 80]!r}")
            break
        if head.status < 200:
            faults += _interim_faults(head)
            continued += head.status == 100
            offset = end + 4
            continue
        question = asked[min(len(answers), len(asked) - 1)] if asked else Asked("GET")
        content, offset, complete = _read_content(
            data, end + 4, head, question, faults, ended and not aborted
        )
        faults += [f"{head.status}: {fault}" for fault in (*head.faults, *_faults(head, question))]
        answers.append(Answer(head.status, head.reason, head.fields, content, complete, head.date))
        if not complete:
            break
    return Reading(tuple(answers), continued, tuple(faults))


def _partial(data: bytes, faults: list[str]) -> Answer:
    """Return a placeholder for an answer whose head is incomplete."""
    match = STATUS_LINE.match(data.decode("latin-1"))
    if match is None and not b"HTTP/1.1 ".startswith(data[:9]):
        faults.append(f"not the start of an answer: {data[:80]!r}")
    return Answer(int(match[1]) if match else 0, match[2] if match else "", {}, b"", False)


@functools.lru_cache(maxsize=512)
def _read_head(head: bytes) -> _Head | None:
    """Return the parsed head, or ``None`` if its first line is not a status line.

    Cached, because most answers have one of a few heads.
    """
    first, *lines = head.decode("latin-1").split("\r\n")[:-1]
    match = STATUS_LINE.fullmatch(first)
    if match is None:
        return None
    fields: dict[str, str] = {}
    faults: list[str] = []
    for line in lines:
        part = FIELD_LINE.fullmatch(line)
        if part is None:
            faults.append(f"{line!r} is not a valid field line")
            continue
        name, value = part[1].lower(), part[2].strip(" \t")
        if name in fields and name in SINGLETONS:
            faults.append(f"{name} appears more than once")
            continue
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return _Head(int(match[1]), match[2], fields, fields.pop("date", ""), tuple(faults))


def _interim_faults(head: _Head) -> list[str]:
    """Return what is wrong with an interim answer."""
    faults = [f"{head.status}: {fault}" for fault in head.faults]
    if head.status != 100:
        faults.append(f"{head.status} was not requested")
    # RFC 9110 section 8.6, RFC 9112 section 6.1: a 1xx has neither field.
    if "content-length" in head.fields or "transfer-encoding" in head.fields:
        faults.append(f"{head.status}: it has Content-Length or Transfer-Encoding")
    return faults


def _faults(head: _Head, asked: Asked) -> list[str]:
    """Return what is wrong with the fields of a final answer."""
    faults = []
    fields, status = head.fields, head.status
    length, coding = fields.get("content-length"), fields.get("transfer-encoding")
    if not head.date:
        # RFC 9110 section 6.6.1: an origin server with a clock MUST generate it.
        faults.append("Date is missing")
    elif not _is_date(head.date):
        faults.append(f"Date is {head.date!r}, which is not an IMF-fixdate")
    if length is not None and coding is not None:
        # RFC 9112 section 6.2: a sender MUST NOT send both.
        faults.append("it has both Content-Length and Transfer-Encoding")
    if length is not None and not (length.isascii() and length.isdigit()):
        faults.append(f"its Content-Length is {length!r}, which is not a number")
    if coding is not None and coding != "chunked":
        faults.append(f"its Transfer-Encoding is {coding!r}, expected 'chunked'")
    if coding is not None and asked.version == "HTTP/1.0":
        # RFC 9112 section 6.1: MUST NOT be sent unless the request indicates HTTP/1.1.
        faults.append("it has Transfer-Encoding, but the request was HTTP/1.0")
    if status == 204 and (length is not None or coding is not None):
        # RFC 9110 section 8.6, RFC 9112 section 6.1.
        faults.append("it has Content-Length or Transfer-Encoding, but no content")
    # RFC 9112 section 6.3 rule 8: the content ends with the connection, so the answer must say close.
    is_endless = length is None and coding is None and status not in BODILESS
    if is_endless and asked.method not in (None, "HEAD") and fields.get("connection", "").lower() != "close":
        faults.append("its content ends with the connection, but it does not say close")
    return faults


@functools.lru_cache(maxsize=64)
def _is_date(value: str) -> bool:
    """Return whether ``value`` is an IMF-fixdate (RFC 9110 section 5.6.7)."""
    try:
        return format_datetime(parsedate_to_datetime(value), usegmt=True) == value
    except ValueError:
        return False


def _read_content(
    data: bytes, offset: int, head: _Head, asked: Asked, faults: list[str], ended: bool
) -> tuple[bytes, int, bool]:
    """Return the content, the offset after it, and whether it is complete (RFC 9112 section 6.3)."""
    # Rule 1: no content, whatever the fields say.
    if head.status in BODILESS or asked.method == "HEAD":
        return b"", offset, True
    if asked.method is None and ended and offset == len(data):
        return b"", offset, True
    # Rule 4.
    if "transfer-encoding" in head.fields:
        return _read_chunks(data, offset, faults)
    # Rule 6.
    length = head.fields.get("content-length", "")
    if length.isascii() and length.isdigit():
        end = offset + int(length)
        return data[offset:end], min(end, len(data)), end <= len(data)
    # Rule 8.
    return data[offset:], len(data), ended


def _read_chunks(data: bytes, offset: int, faults: list[str]) -> tuple[bytes, int, bool]:
    """Read a chunked body without extensions or trailers (RFC 9112 section 7.1)."""
    pieces: list[bytes] = []
    while (end := data.find(b"\r\n", offset)) >= 0:
        if CHUNK_SIZE.fullmatch(data, offset, end) is None:
            faults.append(f"not a chunk size line: {data[offset : offset + 40]!r}")
            return b"".join(pieces), len(data), False
        size = int(data[offset:end], 16)
        start = end + 2
        pieces.append(data[start : start + size])
        offset = start + size + 2
        mark = data[offset - 2 : offset]
        if not b"\r\n".startswith(mark):
            faults.append(f"a chunk of {size} bytes is followed by {mark!r}, expected CRLF")
            return b"".join(pieces), len(data), False
        if mark != b"\r\n":
            break
        if size == 0:
            return b"".join(pieces), offset, True
    return b"".join(pieces), len(data), False
