"""The ways to cut what a client sends: a request means the same wherever the network cuts it.

A cutting is a list of pieces. Beside bytes, a piece may be an :class:`Action` of the client's.
"""

import enum
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SPLIT_SIZE: Final = 2048
"""The longest text that is cut at every position; a longer one is at :data:`SPLITS` random ones."""

SPLITS: Final = 64

SINGLE_BYTES: Final = 20_000
"""The longest text that is sent byte by byte; a longer one goes in pieces of 64 to 1000 bytes."""

RANDOM_CUTTINGS: Final = 3


class Action(enum.Enum):
    """What a client does beside sending bytes."""

    PAUSE = "pause"
    """It waits until the server has nothing more to say."""
    END = "end"
    """It ends its side, and reads on."""
    RESET = "reset"
    """It breaks the connection, once it has what the server had to say."""


Piece = bytes | Action


class Cutting(NamedTuple):
    """One way to send a text."""

    label: str
    """How a failure names it."""
    pieces: tuple[Piece, ...]
    """The bytes to send, in order, and the client's actions among them."""
    turns: int
    """The loop's turns after each piece. None: all come while the first request is handled."""


def cut(text: bytes, positions: Sequence[int]) -> tuple[bytes, ...]:
    """Return ``text`` cut at ``positions``, which rise; no piece is empty."""
    edges = [0, *positions, len(text)]
    return tuple(text[start:end] for start, end in itertools.pairwise(edges) if start < end)


def split_positions(text: bytes, generator: random.Random) -> Sequence[int]:
    """Return the positions to cut ``text`` at, one at a time: all, or some of a long one's."""
    if len(text) <= SPLIT_SIZE:
        return range(1, len(text))
    # Most of what can go wrong goes wrong in a head, which is at the beginning.
    near = generator.sample(range(1, SPLIT_SIZE), SPLITS // 2)
    far = generator.sample(range(SPLIT_SIZE, len(text)), min(SPLITS // 2, len(text) - SPLIT_SIZE))
    return sorted({*near, *far})


def random_pieces(text: bytes, generator: random.Random, least: int = 1, most: int = 64) -> tuple[bytes, ...]:
    """Return ``text`` in pieces of ``least`` to ``most`` bytes each; the last may be shorter."""
    pieces = []
    position = 0
    while position < len(text):
        size = generator.randint(least, most)
        pieces.append(text[position : position + size])
        position += size
    return tuple(pieces)


def small_pieces(text: bytes, generator: random.Random) -> tuple[bytes, ...]:
    """Return ``text`` byte by byte, or a long one in pieces of some hundred bytes."""
    if len(text) <= SINGLE_BYTES:
        return tuple(text[position : position + 1] for position in range(len(text)))
    return random_pieces(text, generator, 64, 1000)


def cuttings(text: bytes, generator: random.Random) -> Iterator[Cutting]:
    """Yield every way to cut ``text``: whole, in two at every position, in small pieces, at random."""
    yield Cutting("whole", cut(text, ()), 1)
    for position in split_positions(text, generator):
        yield Cutting(f"cut at {position}", cut(text, (position,)), 1)
    yield Cutting("byte by byte", small_pieces(text, generator), 1)
    for number in range(RANDOM_CUTTINGS):
        # The longer a text is, the longer are its pieces: three to some hundred of them.
        most = max(2, generator.randint(len(text) // 100, len(text) // 3 + 1))
        pieces = random_pieces(text, generator, 1, most)
        yield Cutting(f"random {number + 1}", pieces, generator.randint(0, 2))


def slow_cuttings(text: bytes, generator: random.Random) -> Iterator[Cutting]:
    """Yield the two ways to cut a text whose answer takes time: whole, and in small pieces."""
    yield Cutting("whole", cut(text, ()), 1)
    yield Cutting("byte by byte", small_pieces(text, generator), 1)


def with_actions(pieces: Sequence[Piece], pause_at: int | None, ending: Action | None) -> tuple[Piece, ...]:
    """Return ``pieces`` with the client's actions among them.

    :param pause_at: the number of bytes after which it pauses; a piece is cut there if it must be.
    :param ending: what it does at the end.
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
