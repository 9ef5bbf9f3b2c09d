"""One listener: TCP addresses with one port, a Unix socket, or sockets that another process opened.

The constructor checks the settings; :meth:`Listener.open` opens the sockets.
"""

import contextlib
import errno
import logging
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError, ListenError
from kyoukai.server.addresses import Address, check_hosts, join, look_up
from kyoukai.server.handed import Handed
from kyoukai.server.sockets import inode, listen, listen_beside

logger: Final = logging.getLogger("kyoukai.server")

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000

ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors for an address that the system does not have: `localhost` may resolve to an IPv6 address on a
system without IPv6. They are ignored if another address of the name works."""

PORT_TRIES: Final = 16
"""Number of attempts to find a port that is free on all addresses, if the system chose it for the first. A
port that is taken on another address is rare."""


class BaseListener(ABC):
    """A place where a server listens, with the options of its connections."""

    ssl: Any = None
    """The ``ssl`` setting of its connections, as for :func:`~kyoukai.server.tls.make_ssl_context`."""
    proxy_protocol = False
    """Whether its connections begin with a header of the PROXY protocol."""
    handed: Handed | None = None
    """Sockets of the server that this one replaces; ``None``: it replaces none."""
    key = ""
    """Identifies this listener if its addresses do not: see :class:`~kyoukai.server.handed.Column`."""
    made: tuple[int, int] | None = None
    """The inode of the file that it created and must remove."""

    @abstractmethod
    async def open(self, *, shared: bool = False) -> list[socket.socket]:
        """Return listening sockets.

        :param shared: whether :meth:`beside` may open further sockets on the same TCP addresses.
        :raises ListenError: if an address cannot be listened on. All sockets are closed then.
        """

    def beside(self, sock: socket.socket) -> socket.socket:
        """Return a socket for another process to accept from.

        :param sock: a socket that :meth:`open` returned.
        :raises OSError: if it cannot listen.
        :return: ``sock`` itself if several processes must share it.
        """
        return sock

    def remove(self) -> None:  # noqa: B027 - most leave nothing
        """Remove its file, while its sockets are still open."""

    def own(self) -> None:  # noqa: B027 - most have nothing
        """Take over the file of the old server, which no longer serves."""

    def address(self, sock: socket.socket) -> tuple[str, int]:
        """Return the address and port of an open socket; for a Unix socket, its path and 0."""
        name = sock.getsockname()
        if not isinstance(name, tuple):
            # Linux has Unix sockets without a file. Their names begin with NUL: unix(7).
            text = os.fsdecode(name)
            return f"@{text[1:]}" if text.startswith("\0") else text, 0
        host, port = str(name[0]), int(name[1])
        if sock.family == socket.AF_INET6 and name[3]:
            # A link-local address is complete only with its zone (RFC 4007 section 11).
            host, _ = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return host, port

    def url(self, address: tuple[str, int], *, secure: bool) -> str:
        """Return the URL of the socket, or the path of a Unix socket."""
        host, port = address
        if not port:
            return f"unix:{host}"
        # RFC 6874 section 2: the percent sign before a zone is written %25.
        return f"{'https' if secure else 'http'}://{join(host.replace('%', '%25'), port)}"


class Listener(BaseListener):
    """TCP addresses with one port, or a Unix socket, opened by the server itself.

    :param host: a name or address, or several of them; ``None``: 127.0.0.1. A name stands for all its
        addresses, ``::`` for all IPv6 and IPv4 addresses.
    :param port: 0 to 65535; 0: a free one; ``None``: 8000. All addresses share it.
    :param uds: the path of a Unix socket, instead of ``host`` and ``port``.
    :param mode: the permissions of the Unix socket's file; ``None``: determined by the umask.
    :raises ConfigurationError: if one of them is invalid, or they exclude each other.
    """

    def __init__(
        self,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        uds: str | None = None,
        *,
        mode: int | None = None,
    ) -> None:
        if uds is not None and (host is not None or port is not None):
            raise ConfigurationError("uds excludes host and port: set the one or the others")
        if uds is not None and (not isinstance(uds, str) or not uds or "\0" in uds):
            raise ConfigurationError(f"uds is {uds!r}; it must be the path of a Unix socket")
        if port is not None and (type(port) is not int or not 0 <= port <= 65535):
            raise ConfigurationError(f"port is {port!r}; it must be a whole number from 0 to 65535")
        self.uds = uds
        self.mode = mode
        self.hosts = check_hosts(DEFAULT_HOST if host is None else host)
        self.port = DEFAULT_PORT if port is None else port
        if uds is not None:
            self.key = f"unix:{os.path.abspath(uds)}"
        elif not self.port:
            self.key = f"{', '.join(self.hosts)}:0"
        self._handed_inode: tuple[int, int] | None = None

    async def open(self, *, shared: bool = False) -> list[socket.socket]:
        """Return listening sockets, one for each address of each host."""
        found = self.handed.take_listener(self.key) if self.handed is not None and self.key else []
        if found and self.handed is not None:
            self._handed_inode = self.handed.inode(found[0])
            return found
        if self.uds is None:
            return await self._open_tcp(shared)
        try:
            return [self._open_unix(self.uds)]
        except OSError as error:
            raise self._explain(error, self.uds) from error

    def beside(self, sock: socket.socket) -> socket.socket:
        """Return another socket on the same TCP address. A Unix socket has one file and is shared."""
        found = None if self.handed is None else self.handed.beside(sock)
        return found or (sock if self.uds is not None else listen_beside(sock))

    async def _open_tcp(self, shared: bool) -> list[socket.socket]:
        hosts: dict[Address, str] = {}
        for host in self.hosts:
            try:
                found = await look_up(host, self.port)
            except (OSError, UnicodeError) as error:
                raise self._explain(error, join(host, self.port)) from error
            for address in found:
                # Two names may share an address, and a hosts file may list one twice.
                hosts.setdefault(address, host)
        tries = 1 if self.port else PORT_TRIES
        while True:
            try:
                return self._listen_on(hosts, shared)
            except ListenError as error:
                tries -= 1
                if not tries or error.errno != errno.EADDRINUSE:
                    raise

    def _listen_on(self, hosts: Mapping[Address, str], shared: bool) -> list[socket.socket]:
        sockets: dict[str, list[socket.socket]] = {}
        absent: dict[str, OSError] = {}
        port = self.port
        with contextlib.ExitStack() as opened:
            for (family, protocol, address), host in hosts.items():
                literal = host.partition("%")[0]
                where = join(host, port) + ("" if address[0] == literal else f" ({address[0]})")
                try:
                    where_to = (address[0], port, *address[2:])
                    sock = self._listen(family, protocol, where_to, shared)
                except OSError as error:
                    if error.errno not in ABSENT:
                        raise self._explain(error, where) from error
                    absent[host] = error
                else:
                    opened.callback(sock.close)
                    sockets.setdefault(host, []).append(sock)
                    port = sock.getsockname()[1]
            for host, reason in absent.items():
                if host not in sockets:
                    raise self._explain(reason, join(host, self.port)) from reason
            opened.pop_all()
        return [sock for some in sockets.values() for sock in some]

    def _listen(self, family: int, protocol: int, address: Any, shared: bool) -> socket.socket:
        if self.handed is None:
            return listen(family, protocol, address, shared=shared)
        found = self.handed.take(family, address)
        # The old server listens on a wider address, such as all addresses of the port.
        crowded = shared and address[1] in self.handed.ports
        return found or listen(family, protocol, address, shared=shared, crowded=crowded)

    def _open_unix(self, path: str) -> socket.socket:
        self._check_stale(path)
        if inode(path) is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        sock = listen(socket.AF_UNIX, 0, path, mode=self.mode)
        self.made = inode(path)
        return sock

    def remove(self) -> None:
        """Remove the file of the Unix socket, if it is still the one that was created.

        Call this while the socket is open. Until then the system gives its inode to no other file; afterwards
        the file of a successor may have it. And without a file nobody can connect, so all clients that did
        connect can be accepted before the socket is closed.

        A failure is logged. The next server on this path replaces the file.
        """
        if self.uds is None or self.made is None or inode(self.uds) != self.made:
            return
        self.made = None
        try:
            os.unlink(self.uds)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("the Unix socket %s cannot be removed: %s", self.uds, error.strerror)

    def own(self) -> None:
        """Take over the file of the old server's Unix socket, and set the permissions now configured."""
        if self.uds is None or self._handed_inode is None:
            return
        self.made, self._handed_inode = self._handed_inode, None
        if self.mode is not None:
            try:
                os.chmod(self.uds, self.mode)
            except OSError as error:
                logger.warning("the permissions of %s cannot be set: %s", self.uds, error.strerror)

    def _check_stale(self, path: str) -> None:
        """Raise an error if a server answers on a Unix socket; remove the file of a server that has ended."""
        if inode(path) is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            # A full backlog also means that the server is alive: do not wait.
            client.setblocking(False)
            try:
                client.connect(path)
            except ConnectionRefusedError:
                return
            except BlockingIOError:
                pass
        raise OSError(errno.EADDRINUSE, "another server listens there")

    def _explain(self, error: OSError | UnicodeError, where: str) -> ListenError:
        if isinstance(error, UnicodeError):
            what = "that is no host name"
        elif error.errno == errno.EADDRINUSE and self.uds is not None and inode(self.uds) is None:
            what = "there is a file that is no socket"
        elif error.errno == errno.EADDRINUSE:
            other = "port" if self.uds is None else "path"
            what = f"the address is already in use; stop what listens there, or choose another {other}"
        elif error.errno == errno.EACCES:
            hint = "; ports below 1024 belong to the superuser" if self.uds is None else ""
            what = f"permission denied{hint}"
        elif isinstance(error, socket.gaierror):
            what = "the host name is not known"
        else:
            what = os.strerror(error.errno) if error.errno else str(error)
        explained = ListenError(f"cannot listen on {where}: {what}")
        explained.errno = error.errno if isinstance(error, OSError) else None
        return explained
