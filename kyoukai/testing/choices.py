"""The source of random choices for generated requests.

All choices go through :class:`Source`. A plain :class:`random.Random` generates many examples quickly, and
Hypothesis can make the same choices and shrink them. So that shrinking works, the first of several
alternatives is the simplest, and 0 means no.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

T = TypeVar("T")

RARE: Final = 16
""":func:`mostly` chooses from all alternatives once in this many calls."""


class Source(Protocol):
    """Makes choices. :class:`random.Random` is one implementation."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to ``stop - 1``."""

    def choice(self, alternatives: Sequence[T], /) -> T:
        """Return one of the alternatives."""


def mostly(source: Source, alternatives: Sequence[T], first: int) -> T:
    """Return one of the ``first`` alternatives, or rarely one of all."""
    if source.randrange(RARE) != RARE - 1:
        alternatives = alternatives[:first]
    return source.choice(alternatives)


def few(source: Source, most: int) -> int:
    """Return a number up to ``most``: 0 half of the time, and 1 a quarter of the time."""
    count = 0
    while count < most and source.randrange(2):
        count += 1
    return count
