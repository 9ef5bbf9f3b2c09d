"""Ways to split the data of a client: a request must mean the same wherever the network splits it.

A :class:`Cutting` is a list of pieces. A piece is bytes or an :class:`Action` of the client.
"""

import enum
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SPLIT_SIZE: Final = 2048
"""Up to this length a text is split at every position; a longer one at :data:`SPLITS` random positions."""

SPLITS: Final = 64

SINGLE_BYTES: Final = 20_000
"""Up to this length a text is sent byte by byte; a longer one in pieces of 64 to 1000 bytes."""

RANDOM_CUTTINGS: Final = 3


class Action(enum.Enum):
    """What a client does besides sending bytes."""

    PAUSE = "pause"
    """Wait until the server sends nothing more."""
    END = "end"
    """End the client's side, and keep reading."""
    RESET = "reset"
    """Reset the connection, after receiving what the server has sent."""


Piece = bytes | Action


class Cutting(NamedTuple):
    """One way to send a text."""

    label: str
    """Its name in failure messages."""
    pieces: tuple[Piece, ...]
    """The bytes to send, in order, and the client's actions among them."""
    turns: int
    """Loop iterations after each piece. 0: all pieces arrive while the first request is handled."""


def cut(text: bytes, positions: Sequence[int]) -> tuple[bytes, ...]:
    """Return ``text`` split at the ascending ``positions``, without empty pieces."""
    edges = [0, *positions, len(text)]
    return tuple(text[start:end] for start, end in itertools.pairwise(edges) if start < end)


def split_positions(text: bytes, generator: random.Random) -> Sequence[int]:
    """Return the positions at which to split ``text`` in two: all, or a sample if it is long."""
    if len(text) <= SPLIT_SIZE:
        return range(1, len(text))
    # Most faults show in the head, which is at the beginning.
    near = generator.sample(range(1, SPLIT_SIZE), SPLITS // 2)
    far = generator.sample(range(SPLIT_SIZE, len(text)), min(SPLITS // 2, len(text) - SPLIT_SIZE))
    return sorted({*near, *far})


def random_pieces(text: bytes, generator: random.Random, least: int = 1, most: int = 64) -> tuple[bytes, ...]:
    """Return ``text`` in pieces of ``least`` to ``most`` bytes; the last one may be shorter."""
    pieces = []
    position = 0
    while position < len(text):
        size = generator.randint(least, most)
        pieces.append(text[position : position + size])
        position += size
    return tuple(pieces)


def small_pieces(text: bytes, generator: random.Random) -> tuple[bytes, ...]:
    """Return ``text`` byte by byte, or in pieces of 64 to 1000 bytes if it is long."""
    if len(text) <= SINGLE_BYTES:
        return tuple(text[position : position + 1] for position in range(len(text)))
    return random_pieces(text, generator, 64, 1000)


def cuttings(text: bytes, generator: random.Random) -> Iterator[Cutting]:
    """Yield the ways to split ``text``: whole, in two at each position, in small pieces, at random."""
    yield Cutting("whole", cut(text, ()), 1)
    for position in split_positions(text, generator):
        yield Cutting(f"cut at {position}", cut(text, (position,)), 1)
    yield Cutting("byte by byte", small_pieces(text, generator), 1)
    for number in range(RANDOM_CUTTINGS):
        # Piece sizes grow with the text, so that there are between three and a few hundred pieces.
        most = max(2, generator.randint(len(text) // 100, len(text) // 3 + 1))
        pieces = random_pieces(text, generator, 1, most)
        yield Cutting(f"random {number + 1}", pieces, generator.randint(0, 2))


def slow_cuttings(text: bytes, generator: random.Random) -> Iterator[Cutting]:
    """Yield two ways to send a text whose answer takes time: whole, and in small pieces."""
    yield Cutting("whole", cut(text, ()), 1)
    yield Cutting("byte by byte", small_pieces(text, generator), 1)


def with_actions(pieces: Sequence[Piece], pause_at: int | None, ending: Action | None) -> tuple[Piece, ...]:
    """Return ``pieces`` with the client's actions inserted.

    :param pause_at: number of bytes after which the client pauses; a piece is split there if needed.
    :param ending: what the client does at the end.
    """
    result: list[Piece] = []
    position = 0
    for piece in pieces:
        if not isinstance(piece, bytes):
            result.append(piece)
            continue
        end = position + len(piece)
        if pause_at is not None and position < pause_at <= end:
            result += [piece[: pause_at - position], Action.PAUSE]
            piece = piece[pause_at - position :]
        if piece:
            result.append(piece)
        position = end
    if ending is not None:
        result.append(ending)
    return tuple(result)
