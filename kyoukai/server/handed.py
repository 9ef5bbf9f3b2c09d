"""Sockets that listen, which a server is given by the one whose place it takes.

The settings may have changed in between. So a listener finds its sockets by their address; where the system
has chosen that, or another process has opened them, by what the user wrote.
"""

import json
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

SHARED: Final = (socket.AF_INET, socket.AF_INET6)
"""Families in which each worker has a socket of its own."""


def name_of(family: int, address: Any) -> str:
    """Return an address as text, which tells it from all others."""
    return json.dumps([int(family), *address] if isinstance(address, tuple) else [int(family), str(address)])


def socket_name(sock: socket.socket) -> str:
    """Return the address of a socket that is open, as :func:`name_of` has it."""
    return name_of(sock.family, sock.getsockname())


class Column(NamedTuple):
    """The sockets that listen on one address: one a worker, or one for all of them."""

    place: int
    """Of its listener among the others."""
    key: str
    """What the user wrote, where that tells it; else empty."""
    name: str
    """Its address."""
    inode: tuple[int, int] | None
    """Of a Unix socket's file, if the server made it."""
    sockets: list[socket.socket]


class Handed:
    """Sockets of another server, of which listeners take theirs.

    :param columns: the sockets are this object's, until a listener takes them.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self._columns = list(columns)
        self._taken: dict[socket.socket, Column] = {}
        self.ports = {
            sock.getsockname()[1]
            for column in self._columns
            for sock in column.sockets
            if sock.family in SHARED
        }
        """Those that the other server listens on, on any address."""

    def take(self, family: int, address: Any) -> socket.socket | None:
        """Return the first socket of an address; ``None`` if there is none."""
        name = name_of(family, address)
        for column in self._columns:
            if column.name == name:
                return self._take(column)
        return None

    def take_listener(self, key: str) -> list[socket.socket]:
        """Return the first sockets of the next listener of this key; none, if there is none."""
        places = [column.place for column in self._columns if column.key == key]
        return [self._take(column) for column in list(self._columns) if column.place in places[:1]]

    def _take(self, column: Column) -> socket.socket:
        self._columns.remove(column)
        first = column.sockets.pop(0)
        self._taken[first] = column
        return first

    def beside(self, first: socket.socket) -> socket.socket | None:
        """Return the next socket beside one that was taken; ``None`` if there are no more."""
        column = self._taken.get(first)
        return column.sockets.pop(0) if column is not None and column.sockets else None

    def inode(self, first: socket.socket) -> tuple[int, int] | None:
        """Return what tells the file of a Unix socket that was taken."""
        return self._taken[first].inode

    @property
    def slots(self) -> int | None:
        """How many workers there are sockets for, with those that are taken; ``None``: for any number."""
        counts = [1 + len(column.sockets) for first, column in self._taken.items() if first.family in SHARED]
        return max(counts) if counts else None

    def close_gone(self) -> None:
        """Close those of addresses that no listener has taken any of."""
        for column in self._columns:
            for sock in column.sockets:
                sock.close()
        self._columns.clear()

    def close(self) -> None:
        """Close those that have not been taken. It may be called twice."""
        self.close_gone()
        for column in self._taken.values():
            while column.sockets:
                column.sockets.pop().close()


def columns_of(
    place: int, key: str, inode: tuple[int, int] | None, sockets: Sequence[socket.socket]
) -> list[Column]:
    """Return the columns of one listener's sockets, of all workers.

    :param sockets: those of the first worker before those of the second. One that is shared may be there
        several times.
    """
    columns: dict[str, Column] = {}
    for sock in dict.fromkeys(sockets):
        name = socket_name(sock)
        columns.setdefault(name, Column(place, key, name, inode, [])).sockets.append(sock)
    return list(columns.values())
