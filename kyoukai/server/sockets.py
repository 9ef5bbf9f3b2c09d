"""Sockets that listen: how they are made, shared between processes, and taken over."""

import errno
import os
import socket
import stat
import sys
from typing import Any, Final

BACKLOG: Final = 2048
"""Connections that the system keeps until they are accepted; uvicorn's default, and nginx's is 511."""

FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_UNIX", None))
"""Those in which a server can listen."""


class StreamSocket(socket.socket):
    """A stream socket that keeps its family and type as it was told them, as those that it accepts do.

    Python's own makes a member of an enumeration at each look, and five looks are taken until a connection
    is made: a seventh of what a new connection and its answer cost. Parameters are those of
    :class:`socket.socket`, which has defaults for them.
    """

    __slots__ = ("family", "type")

    def __init__(self, family: int, type: int, proto: int, fileno: int | None = None) -> None:  # noqa: A002
        super().__init__(family, type, proto, fileno)
        self.family = family  # type: ignore[misc, assignment]
        self.type = type  # type: ignore[misc, assignment]

    def accept(self) -> "tuple[StreamSocket, Any]":
        """Accept a connection: what :meth:`socket.socket.accept` does of a socket that does not block.

        :return: the connection's socket, and the client's address.
        """
        descriptor, address = self._accept()  # type: ignore[attr-defined]
        return StreamSocket(self.family, self.type, self.proto, descriptor), address


def listen(
    family: int,
    protocol: int,
    address: Any,
    *,
    shared: bool = False,
    crowded: bool = False,
    mode: int | None = None,
) -> StreamSocket:
    """Return a stream socket that listens and does not block.

    :param protocol: as ``getaddrinfo`` says it: asyncio sets TCP_NODELAY where it is said to be TCP.
    :param shared: whether further sockets of this user may listen beside it: see :func:`listen_beside`.
        The address must be free all the same.
    :param crowded: whether sockets of this user may listen on the address already, which are shared.
    :param mode: permissions of a Unix socket's file; ``None``: as the process's umask has it.
    :raises OSError: if there is no such family, or the address cannot be listened on.
    """
    sock = _bind(family, protocol, address, shared=crowded)
    try:
        if shared:
            # Set behind bind(): another server's socket that has it, too, would not be noticed otherwise.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if mode is not None:
            # Nobody can connect before listen().
            os.chmod(address, mode)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def listen_beside(first: socket.socket) -> StreamSocket:
    """Return one more socket that listens on the address of ``first``, a TCP socket with ``shared``.

    The system spreads connections over both.

    :raises OSError: if it cannot listen there.
    """
    sock = _bind(first.family, first.proto, first.getsockname(), shared=True)
    try:
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def inherit(descriptor: int) -> StreamSocket:
    """Return a socket that another process has opened, as one that listens and does not block.

    :param descriptor: it is the socket's from now on, and not passed on to child processes.
    :raises OSError: if it is no stream socket.
    """
    # Neither TCP's options nor accept() may guess.
    with socket.socket(fileno=os.dup(descriptor)) as probe:
        family, kind, protocol = int(probe.family), int(probe.type), probe.proto
        listens = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if kind != socket.SOCK_STREAM or family not in FAMILIES:
        raise OSError(errno.EINVAL, "it is no stream socket of TCP, and none of Unix")
    sock = StreamSocket(family, kind, protocol, descriptor)
    try:
        if not listens:
            sock.listen(BACKLOG)
        sock.setblocking(False)
        sock.set_inheritable(False)
    except BaseException:
        sock.detach()
        raise
    return sock


def _bind(family: int, protocol: int, address: Any, *, shared: bool = False) -> StreamSocket:
    sock = StreamSocket(family, socket.SOCK_STREAM, protocol)
    try:
        if family != socket.AF_UNIX and os.name == "posix":
            # A port is free although connections of its last owner linger. On Windows it means more.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The addresses of IPv4 have a socket of their own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def inode(path: str) -> tuple[int, int] | None:
    """Return what tells the socket at ``path`` from all others; ``None`` where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None


def queue_length(sock: socket.socket) -> int | None:
    """Return how many connections wait to be accepted from a socket; ``None`` where there is no telling.

    Linux tells it of TCP sockets that listen: tcp(7), ``TCP_INFO``, whose field ``tcpi_unacked`` it is then.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        # struct tcp_info of linux/tcp.h: eight bytes, then five numbers of 32 bits before the one.
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    except OSError:
        return None
    return int.from_bytes(info[24:28], sys.byteorder)
