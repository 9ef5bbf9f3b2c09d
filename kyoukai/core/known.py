"""A table of what has been worked out before, of which there is need again and again.

It is bounded, and what comes once only is not kept: to make it, to let go of it, and to have the
collector of cycles look at it meanwhile would cost more than the table saves.
"""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

SEEN: int = 4
"""How many keys are remembered to have been seen, for each that may be kept."""


class Known(dict[K, V]):
    """What is known by its key. It is a ``dict``, so that looking up is as cheap as can be.

    :param most: how many keys there may be.
    """

    __slots__ = ("_seen", "most")

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self._seen: set[int] = set()

    def is_wanted(self, key: K) -> bool:
        """Return whether ``key`` was asked for before, of late, and is therefore worth keeping."""
        # Two keys with one hash are both kept a little early.
        number, seen = hash(key), self._seen
        if number in seen:
            return True
        if len(seen) >= SEEN * self.most:
            seen.clear()
        seen.add(number)
        return False

    def keep(self, key: K, value: V) -> None:
        """Keep ``value``. Where there is no room, everything goes: what comes again is soon back."""
        if len(self) >= self.most:
            self.clear()
        self[key] = value
