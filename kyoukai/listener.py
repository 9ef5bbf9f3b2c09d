"""Where a server listens: a TCP address or a Unix socket.

What the user set is checked when the object is made; the socket is opened by :meth:`Listener.open`.
"""

import asyncio
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable
from typing import Final

from kyoukai.core.errors import ConfigurationError, ListenError

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000

BACKLOG: Final = 2048
"""Connections that the system keeps until they are accepted; uvicorn's default, and nginx's is 511."""


class Listener:
    """Where a server listens.

    :param host: a name or an address; ``None``: 127.0.0.1.
    :param port: 0 to 65535, 0 for one that is free; ``None``: 8000.
    :param uds: the path of a Unix socket, in place of the two.
    :raises ConfigurationError: if one of them is no such thing, or they exclude each other.
    """

    def __init__(self, host: str | None = None, port: int | None = None, uds: str | None = None) -> None:
        if uds is not None and (host is not None or port is not None):
            raise ConfigurationError("uds excludes host and port: set the one or the others")
        if uds is not None and (not isinstance(uds, str) or not uds or "\0" in uds):
            raise ConfigurationError(f"uds is {uds!r}; it must be the path of a Unix socket")
        if host is not None and (not isinstance(host, str) or not host):
            raise ConfigurationError(f"host is {host!r}; it must be a host name or an IP address")
        if port is not None and (type(port) is not int or not 0 <= port <= 65535):
            raise ConfigurationError(f"port is {port!r}; it must be a whole number from 0 to 65535")
        self.uds = uds
        self.host = host or DEFAULT_HOST
        self.port = DEFAULT_PORT if port is None else port
        self._inode: tuple[int, int] | None = None

    async def open(
        self, factory: Callable[[], asyncio.Protocol], ssl_context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """Open the socket, and return the server, which does not accept yet.

        :raises ListenError: if the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        try:
            if self.uds is not None:
                self._check_stale(self.uds)
                server = await loop.create_unix_server(
                    factory, self.uds, ssl=ssl_context, backlog=BACKLOG, start_serving=False
                )
                self._inode = inode(self.uds)
                return server
            return await loop.create_server(
                factory, self.host, self.port, ssl=ssl_context, backlog=BACKLOG, start_serving=False
            )
        except (OSError, UnicodeError) as error:
            raise self._explain(error) from error

    def address(self, server: asyncio.Server) -> tuple[str, int]:
        """Return the address and port that an open server listens on; a path and 0."""
        if self.uds is not None:
            return self.uds, 0
        name = server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    def url(self, address: tuple[str, int], *, secure: bool) -> str:
        """Return what to type into a browser, or the path of the Unix socket."""
        host, port = address
        if self.uds is not None:
            return f"unix:{host}"
        return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def remove(self) -> None:
        """Remove the Unix socket from the file system, if it is still the one that was made."""
        if self.uds is not None and self._inode is not None and inode(self.uds) == self._inode:
            os.unlink(self.uds)

    def _check_stale(self, path: str) -> None:
        """Refuse a Unix socket on which somebody answers: the event loop would take it away."""
        if inode(path) is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            # If its backlog is full, it is alive: do not wait.
            client.setblocking(False)
            try:
                client.connect(path)
            except ConnectionRefusedError:
                return
            except BlockingIOError:
                pass
        raise OSError(errno.EADDRINUSE, "another server listens there")

    def _explain(self, error: OSError | UnicodeError) -> ListenError:
        where = self.uds if self.uds is not None else f"{self.host}:{self.port}"
        if isinstance(error, UnicodeError):
            what = "that is no host name"
        elif error.errno == errno.EADDRINUSE and self.uds is not None and inode(self.uds) is None:
            what = "there is a file that is no socket"
        elif error.errno == errno.EADDRINUSE:
            what = "the address is already in use; stop what listens there, or choose another"
        elif error.errno == errno.EACCES:
            hint = "; ports below 1024 belong to the superuser" if self.uds is None else ""
            what = f"permission denied{hint}"
        elif isinstance(error, socket.gaierror):
            what = "the host name is not known"
        else:
            what = os.strerror(error.errno) if error.errno else str(error)
        return ListenError(f"cannot listen on {where}: {what}")


def inode(path: str) -> tuple[int, int] | None:
    """Return what tells the socket at ``path`` from all others; ``None`` where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISSOCK(status.st_mode) else None
