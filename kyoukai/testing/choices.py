"""Where the choices of what is generated come from.

Nothing is drawn but by :class:`Source`, so that a plain :class:`random.Random` makes many examples
fast, and what shrinks one can draw the same choices by other means. For its sake the first of
several alternatives is the simplest, and 0 says no.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

T = TypeVar("T")

RARE: Final = 16
"""One in so many choices of :func:`mostly` is of all alternatives."""


class Source(Protocol):
    """Makes choices; a :class:`random.Random` is one."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to ``stop - 1``."""

    def choice(self, alternatives: Sequence[T], /) -> T:
        """Return one of several alternatives."""


def mostly(source: Source, alternatives: Sequence[T], first: int) -> T:
    """Return one of the ``first`` alternatives, and rarely one of all."""
    if source.randrange(RARE) != RARE - 1:
        alternatives = alternatives[:first]
    return source.choice(alternatives)


def few(source: Source, most: int) -> int:
    """Return a number up to ``most``: half of the time 0, and a quarter of the time 1."""
    count = 0
    while count < most and source.randrange(2):
        count += 1
    return count
