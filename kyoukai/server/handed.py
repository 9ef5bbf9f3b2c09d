"""Listening sockets that an old server hands over to the new one that replaces it.

The settings may have changed in between. So a listener finds its sockets by their address. If the system
chose the port, or another process opened the sockets, it finds them by the text of the setting.
"""

import json
import socket
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

SHARED: Final = (socket.AF_INET, socket.AF_INET6)
"""Address families in which each worker has its own socket."""


def name_of(family: int, address: Any) -> str:
    """Return a text that identifies an address."""
    return json.dumps([int(family), *address] if isinstance(address, tuple) else [int(family), str(address)])


def socket_name(sock: socket.socket) -> str:
    """Return the text that identifies an open socket's address, as :func:`name_of` does."""
    return name_of(sock.family, sock.getsockname())


class Column(NamedTuple):
    """The sockets that listen on one address: one for each worker, or one shared by all."""

    place: int
    """The index of its listener."""
    key: str
    """The text of the setting if it identifies the listener; otherwise empty."""
    name: str
    """Its address."""
    inode: tuple[int, int] | None
    """The inode of a Unix socket's file, if the server created it."""
    sockets: list[socket.socket]


class Handed:
    """Sockets of another server. Each listener takes its own from them.

    :param columns: the columns of sockets. This object owns the sockets until a listener takes them.
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
        """All sockets that the other server listens on."""

    def take(self, family: int, address: Any) -> socket.socket | None:
        """Return the first socket of an address; ``None`` if there is none."""
        name = name_of(family, address)
        for column in self._columns:
            if column.name == name:
                return self._take(column)
        return None

    def take_listener(self, key: str) -> list[socket.socket]:
        """Return the first sockets of the next listener with this key; empty if there is none."""
        places = [column.place for column in self._columns if column.key == key]
        return [self._take(column) for column in list(self._columns) if column.place in places[:1]]

    def _take(self, column: Column) -> socket.socket:
        self._columns.remove(column)
        first = column.sockets.pop(0)
        self._taken[first] = column
        return first

    def beside(self, first: socket.socket) -> socket.socket | None:
        """Return the next socket on the address of a taken one; ``None`` if there are no more."""
        column = self._taken.get(first)
        return column.sockets.pop(0) if column is not None and column.sockets else None

    def inode(self, first: socket.socket) -> tuple[int, int] | None:
        """Return the inode of the file of a taken Unix socket."""
        return self._taken[first].inode

    @property
    def slots(self) -> int | None:
        """The number of workers that there are sockets for, taken ones included; ``None``: no restriction."""
        counts = [1 + len(column.sockets) for first, column in self._taken.items() if first.family in SHARED]
        return max(counts) if counts else None

    def close_gone(self) -> None:
        """Close the sockets of addresses that no listener has taken."""
        for column in self._columns:
            for sock in column.sockets:
                sock.close()
        self._columns.clear()

    def close(self) -> None:
        """Close the sockets that no listener has taken. Calling it twice is allowed."""
        self.close_gone()
        for column in self._taken.values():
            while column.sockets:
                column.sockets.pop().close()


def columns_of(
    place: int, key: str, inode: tuple[int, int] | None, sockets: Sequence[socket.socket]
) -> list[Column]:
    """Return the columns of a listener's sockets, for all workers.

    :param sockets: the first worker's sockets, then the second's, and so on. A shared socket may occur
        several times.
    """
    columns: dict[str, Column] = {}
    for sock in dict.fromkeys(sockets):
        name = socket_name(sock)
        columns.setdefault(name, Column(place, key, name, inode, [])).sockets.append(sock)
    return list(columns.values())
