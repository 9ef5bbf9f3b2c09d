"""Generated conversations: requests that are valid or nearly valid.

A grammar writes each conversation. Every alternative in the grammar is one that a server must either accept
or refuse for a known reason. The result is then mutated, because the faults that matter are one byte away
from valid input. The right outcome is not known here: all backends must agree on one.
"""

import itertools
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import vocabulary
from .choices import Source, few, mostly
from .chunking import Action, Cutting, Piece, cut, with_actions
from .mutation import mutate, position

Field = tuple[bytes, bytes]
Limit = tuple[str, Any]

MOST_SINGLE_BYTES: Final = 300
"""The longest text that is sent byte by byte."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a client sends on one connection."""

    data: bytes
    limits: tuple[Limit, ...] = ()
    """Limits by name, on top of those that the conversation is run with."""
    ending: Action | None = None
    """What the client does at the end."""


def conversation(source: Source) -> Conversation:
    """Return a conversation of one or more requests, mutated or not."""
    limits: tuple[Limit, ...] = source.choice(vocabulary.LIMITS) if source.randrange(2) else ()
    data = b"".join(request(source, limits) for _ in range(1 + few(source, 4)))
    if source.randrange(3):
        for _ in range(few(source, 5)):
            data = mutate(data, source)
    return Conversation(data, limits, source.choice((None, None, None, Action.END)))


def example(seed: int, number: int) -> tuple[Conversation, random.Random]:
    """Return one example of a seed, and the source for further choices about it."""
    source = random.Random(f"{seed} {number}")  # noqa: S311 - not for security
    return conversation(source), source


def cutting(source: Source, text: Conversation) -> Cutting:
    """Return a way to send a conversation in pieces."""
    data = text.data
    if source.randrange(12) == 11 and len(data) <= MOST_SINGLE_BYTES:
        positions: Sequence[int] = range(1, len(data))
    else:
        positions = sorted({position(data, source) for _ in range(1 + few(source, 6))} if data else ())
    pieces: tuple[Piece, ...] = cut(data, positions)
    pause_at = source.choice(positions) if positions and source.randrange(4) == 3 else None
    turns = source.choice((1, 1, 0, 2, 6))
    return Cutting("in pieces", with_actions(pieces, pause_at, text.ending), turns)


def whole(text: Conversation) -> Cutting:
    """Return the way to send a conversation in one piece."""
    return Cutting("whole", with_actions(cut(text.data, ()), None, text.ending), 1)


def request(source: Source, limits: Sequence[Limit] = ()) -> bytes:
    """Return one request, sometimes with white space before it.

    :param limits: one part of the request may be made as long as one of these limits allows.
    """
    line = [
        mostly(source, vocabulary.METHODS, 14),
        mostly(source, vocabulary.TARGETS, 14),
        mostly(source, vocabulary.VERSIONS, 18),
    ]
    host = mostly(source, vocabulary.HOSTS, 3)
    framing, body = content(source)
    fields = [(b"Host", host)] * source.choice((1,) * 20 + (0, 2)) + framing
    fields += [other_field(source) for _ in range(few(source, 6))]
    if source.randrange(4) == 3:
        fields = [fields.pop(source.randrange(len(fields))) for _ in range(len(fields))]
    if limits and source.randrange(6) == 5:
        _lengthen(source, line, fields, limits)
    lines = [b" ".join(line), *(_field_line(source, name, value) for name, value in fields), b"", b""]
    return source.choice(vocabulary.BEFORE) + b"\r\n".join(lines) + body


def other_field(source: Source) -> Field:
    """Return a field that does not frame a message; a server may still act on it."""
    kind = source.randrange(8)
    if kind == 7:
        return b"Connection", mostly(source, vocabulary.CONNECTIONS, 5)
    if kind == 6:
        return b"Upgrade", source.choice(vocabulary.UPGRADES)
    if kind == 5:
        return b"Expect", mostly(source, vocabulary.EXPECTATIONS, 2)
    name, _, value = mostly(source, vocabulary.FIELDS, 18).partition(b": ")
    return name, value


def content(source: Source) -> tuple[list[Field], bytes]:
    """Return framing fields and a body: no body, a sized one, a chunked one, or a badly framed one."""
    kind = source.randrange(9)
    if kind < 2:
        return [], b""
    body = source.choice(vocabulary.BODIES)
    fields: list[Field] = []
    if source.randrange(6) == 5:
        fields, body = _encoded(source, body)
    if source.randrange(60) == 59:
        body *= source.choice((100, 2000))
    if kind < 5:
        return [*fields, *_lengths(source, len(body))], body
    coding = mostly(source, vocabulary.CODINGS, 3)
    fields += [(b"Transfer-Encoding", coding)] * source.choice((1,) * 20 + (0, 2))
    if source.randrange(20) == 19:
        fields += _lengths(source, len(body))
    return fields, chunked(source, body)


def chunked(source: Source, body: bytes) -> bytes:
    """Return a chunked body with extensions and trailer fields, possibly invalid."""
    inner = {source.randrange(len(body) + 1) for _ in range(few(source, 4))}
    pieces = []
    for start, end in itertools.pairwise(sorted({0, *inner, len(body)})):
        pieces += [_chunk_line(source, end - start), body[start:end], b"\r\n"]
    pieces.append(_chunk_line(source, 0))
    pieces += [mostly(source, vocabulary.TRAILERS, 6) + b"\r\n" for _ in range(few(source, 4))]
    pieces.append(b"\r\n")
    return b"".join(pieces)


def _chunk_line(source: Source, size: int) -> bytes:
    line = source.choice((b"%x", b"%x", b"%x", b"%X", b"%03x")) % size
    if source.randrange(5) == 4:
        if source.randrange(6) == 5:
            line = source.choice(vocabulary.SIZES)
        line += mostly(source, vocabulary.EXTENSIONS, 5)
    return line + b"\r\n"


def _encoded(source: Source, body: bytes) -> tuple[list[Field], bytes]:
    coding = mostly(source, vocabulary.CONTENT_CODINGS, 4)
    window_bits = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}.get(coding)
    if window_bits is not None and source.randrange(8) != 7:
        compressor = zlib.compressobj(wbits=window_bits)
        body = compressor.compress(body) + compressor.flush()
    return [(b"Content-Encoding", coding)], body


def _lengths(source: Source, size: int) -> list[Field]:
    values = [b"%d" % size]
    if source.randrange(12) == 11:
        wrong = (b"%d" % size, b"%d" % (size + 1), *vocabulary.LENGTHS)
        values = [source.choice(wrong) for _ in range(1 + few(source, 2))]
    return [(b"Content-Length", value) for value in values]


def _field_line(source: Source, name: bytes, value: bytes) -> bytes:
    """Return a field line with its name in some case, and mostly valid white space."""
    kind = source.randrange(8)
    if kind == 7:
        name = source.choice((bytes.lower, bytes.upper, bytes.swapcase))(name)
    if kind < 6:
        return name + b": " + value
    before, behind = (mostly(source, vocabulary.WHITE_SPACE, 5) for _ in range(2))
    return name + b":" + before + value + behind


def _lengthen(source: Source, line: list[bytes], fields: list[Field], limits: Sequence[Limit]) -> None:
    """Make one part of a head exactly as long as a limit allows, or slightly shorter or longer."""
    size = max(0, source.choice(limits)[1] - 16 + source.randrange(24))
    kind = source.randrange(4)
    if kind == 0:
        line[1] += b"a" * size
    elif kind == 1:
        fields.append((b"X-L", b"a" * size))
    elif kind == 2:
        fields.append((b"X" * size, b"1"))
    else:
        fields += [(b"X-M", b"1")] * min(size, 120)
