"""A bounded cache that admits a key on its second request.

A key that is used once is not kept: creating and dropping its entry, and having the garbage collector
traverse it meanwhile, would cost more than the cache saves.
"""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

SEEN: int = 4
"""How many seen keys are remembered for each entry that may be kept."""


class Known(dict[K, V]):
    """The cache. It is a ``dict``, so that a look-up costs as little as possible.

    :param most: the most entries.
    """

    __slots__ = ("_seen", "most")

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self._seen: set[int] = set()

    def is_wanted(self, key: K) -> bool:
        """Return whether ``key`` was asked for recently, and is therefore worth keeping."""
        # Two keys with the same hash are admitted a little early.
        number, seen = hash(key), self._seen
        if number in seen:
            return True
        if len(seen) >= SEEN * self.most:
            seen.clear()
        seen.add(number)
        return False

    def keep(self, key: K, value: V) -> None:
        """Keep ``value``. If the cache is full, it is emptied: keys in use soon return."""
        if len(self) >= self.most:
            self.clear()
        self[key] = value
