"""Create, share and inherit listening sockets."""

import errno
import os
import socket
import stat
import sys
from typing import Any, Final

BACKLOG: Final = 2048
"""Size of the system's queue of connections to accept: uvicorn's default; nginx has 511."""

FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_UNIX", None))
"""The address families that a server can listen in."""


class StreamSocket(socket.socket):
    """A stream socket that stores its family and type; the sockets it accepts do too.

    Python's own socket creates an enum member on each access, and establishing a connection takes five
    accesses: a seventh of the cost of a new connection and its response. The parameters are those of
    :class:`socket.socket`, without defaults.
    """

    __slots__ = ("family", "type")

    def __init__(self, family: int, type: int, proto: int, fileno: int | None = None) -> None:  # noqa: A002
        super().__init__(family, type, proto, fileno)
        self.family = family  # type: ignore[misc, assignment]
        self.type = type  # type: ignore[misc, assignment]

    def accept(self) -> "tuple[StreamSocket, Any]":
        """Accept a connection, as :meth:`socket.socket.accept` does for a non-blocking socket.

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
    """Return a listening, non-blocking stream socket.

    :param protocol: as returned by ``getaddrinfo``: asyncio sets TCP_NODELAY only if it is TCP.
    :param shared: whether further sockets of this user may listen on the address: see :func:`listen_beside`.
        The address must still be free now.
    :param crowded: whether shared sockets of this user may already listen on the address.
    :param mode: permissions of a Unix socket's file; ``None``: determined by the umask.
    :raises OSError: if the family is unsupported or the address cannot be listened on.
    """
    sock = _bind(family, protocol, address, shared=crowded)
    try:
        if shared:
            # Set this after bind(). Otherwise bind() would succeed beside another server that also sets it.
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
    """Return another listening socket on the address of ``first``, a TCP socket created with ``shared``.

    The system distributes connections among them.

    :raises OSError: if it cannot listen.
    """
    sock = _bind(first.family, first.proto, first.getsockname(), shared=True)
    try:
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def inherit(descriptor: int) -> StreamSocket:
    """Return a listening, non-blocking socket for a descriptor that another process opened.

    :param descriptor: the socket takes ownership of it. Child processes do not inherit it.
    :raises OSError: if it is not a stream socket.
    """
    # Detect the protocol: TCP options and accept() depend on it.
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
            # Allow a port with lingering connections of its last owner. On Windows the option would allow
            # more.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 addresses have their own socket.
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
    """Return the device and inode of the socket file at ``path``; ``None`` if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None


def queue_length(sock: socket.socket) -> int | None:
    """Return the number of connections that wait to be accepted; ``None`` if it is unknown.

    Linux reports it for listening TCP sockets in the field ``tcpi_unacked`` of ``TCP_INFO``: tcp(7).
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        # struct tcp_info of linux/tcp.h: eight bytes, then five 32-bit numbers before the field.
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    except OSError:
        return None
    return int.from_bytes(info[24:28], sys.byteorder)
