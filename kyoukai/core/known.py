"""A table of what has been worked out before, bounded: whoever sends ever new keys fills it once."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Known(dict[K, V]):
    """What is known by its key. It is a ``dict``, so that looking up is as cheap as can be.

    :param most: how many keys there may be.
    """

    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def keep(self, key: K, value: V) -> None:
        """Keep ``value``, and drop what has been there longest if there is no room."""
        if len(self) >= self.most and key not in self:
            del self[next(iter(self))]
        self[key] = value
