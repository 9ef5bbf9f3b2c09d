"""One place where a server listens: TCP addresses of one port, a Unix socket, or what another process opened.

What the user set is checked when the object is made; the sockets are opened by :meth:`Listener.open`.
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
"""What the system says of an address that it does not have: `localhost` may have one of IPv6 without
there being any IPv6. As long as another address of the name is there, that is no error."""

PORT_TRIES: Final = 16
"""How often a port that the system chose for the first address is looked for on the others. It is free
there but for a coincidence."""


class BaseListener(ABC):
    """A place where a server listens, with what is done to its connections."""

    ssl: Any = None
    """The setting ``ssl`` of its connections, as :func:`~kyoukai.server.tls.make_ssl_context` has it."""
    proxy_protocol = False
    """Whether its connections begin with a header of the PROXY protocol."""
    handed: Handed | None = None
    """Sockets of the server whose place this one takes; ``None``: it takes nobody's."""
    key = ""
    """What tells this listener where its addresses do not: see :class:`~kyoukai.server.handed.Column`."""
    made: tuple[int, int] | None = None
    """What tells the file that it has made, while it is to remove that."""

    @abstractmethod
    async def open(self, *, shared: bool = False) -> list[socket.socket]:
        """Return the sockets, which listen.

        :param shared: whether further sockets can be opened :meth:`beside` those of TCP.
        :raises ListenError: if one cannot be listened on. None is listened on then.
        """

    def beside(self, sock: socket.socket) -> socket.socket:
        """Return a socket that another process is to accept from.

        :param sock: one that :meth:`open` returned.
        :raises OSError: if it cannot listen there.
        :return: ``sock`` itself, of which several processes have to accept.
        """
        return sock

    def remove(self) -> None:  # noqa: B027 - most leave nothing
        """Remove what it has left in the file system, while its sockets are open still."""

    def own(self) -> None:  # noqa: B027 - most have nothing
        """Take over what the server from before has left in the file system, which serves no more."""

    def address(self, sock: socket.socket) -> tuple[str, int]:
        """Return the address and port that an open socket listens on; a path and 0."""
        name = sock.getsockname()
        if not isinstance(name, tuple):
            # Linux has Unix sockets without a file, whose names begin with NUL: unix(7).
            text = os.fsdecode(name)
            return f"@{text[1:]}" if text.startswith("\0") else text, 0
        host, port = str(name[0]), int(name[1])
        if sock.family == socket.AF_INET6 and name[3]:
            # An address of a link is one only with the link (RFC 4007 section 11).
            host, _ = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        return host, port

    def url(self, address: tuple[str, int], *, secure: bool) -> str:
        """Return what to type into a browser, or the path of the Unix socket."""
        host, port = address
        if not port:
            return f"unix:{host}"
        # RFC 6874 section 2: the percent sign before a zone is written %25.
        return f"{'https' if secure else 'http'}://{join(host.replace('%', '%25'), port)}"


class Listener(BaseListener):
    """TCP addresses of one port, or a Unix socket, that the server opens itself.

    :param host: a name or an address, or several of them; ``None``: 127.0.0.1. A name stands for all
        of its addresses, and ``::`` for all addresses of IPv6 and of IPv4.
    :param port: 0 to 65535, 0 for one that is free; ``None``: 8000. All the addresses have the same.
    :param uds: the path of a Unix socket, in place of the two.
    :param mode: the permissions of the Unix socket's file; ``None``: as the process's umask has it.
    :raises ConfigurationError: if one of them is no such thing, or they exclude each other.
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
        """Return the sockets, which listen: one for each address of each host."""
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
        """Return one more socket on the same TCP address; a Unix socket has one file, and is shared."""
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
                # Two names may have one address, and a file of hosts may name one twice.
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
        # The server from before listens on, say, all addresses of the port, and this one is one of them.
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
        """Remove the Unix socket from the file system, if it is still the one that was made.

        It is called while the socket is open: until that is closed, the system gives the number of its
        inode to no other file, be it unlinked already. Afterwards the successor's may have it. And nobody
        can connect to a socket without a file, so that all who did can be accepted before it is closed.

        One that cannot be removed is logged. The next server on it takes its place.
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
        """Take over the Unix socket of the server from before, with the permissions that are set by now."""
        if self.uds is None or self._handed_inode is None:
            return
        self.made, self._handed_inode = self._handed_inode, None
        if self.mode is not None:
            try:
                os.chmod(self.uds, self.mode)
            except OSError as error:
                logger.warning("the permissions of %s cannot be set: %s", self.uds, error.strerror)

    def _check_stale(self, path: str) -> None:
        """Refuse a Unix socket on which somebody answers; one that was left behind gives way."""
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

    def _explain(self, error: OSError | UnicodeError, where: str) -> ListenError:
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
        explained = ListenError(f"cannot listen on {where}: {what}")
        explained.errno = error.errno if isinstance(error, OSError) else None
        return explained
