"""Accept connections on listening sockets, and create a protocol for each.

When the process is out of descriptors, asyncio's own accept loop retries as often as the backlog is long,
with an error and a timer each time. This acceptor logs the error once and pauses. Meanwhile the clients wait
in the system's backlog.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.handed import socket_name
from kyoukai.server.heading import Heading

logger: Final = logging.getLogger("kyoukai.server")

BURST: Final = 16
"""Maximum number of connections accepted in one turn of the loop. One turn with several is cheaper than
several turns. Without a maximum, server and clients would work in lockstep: clients would be idle while
the server accepts, and the server would be idle while they reconnect."""

LAST_BURSTS: Final = 128
"""Maximum number of bursts accepted at the stop, about one backlog. Without it, a steady stream of new
clients could keep the acceptor open forever."""

TURNS_TO_READ: Final = 3
"""Turns of the loop until the data that waits on a new connection has been read. asyncio registers the
socket for reading in the second turn."""

HANDSHAKE_GRACE: Final = 5.0
"""Seconds that a TLS handshake or a header of the PROXY protocol may still take when another process takes
over."""

RETRY_DELAY: Final = 0.5
"""Seconds to pause after the system refused a descriptor; nginx pauses as long, asyncio for 1 s."""

NO_OPTIONS: Final[Mapping[str, Any]] = {}

# accept(2) reports these errors for the one connection it removed from the queue; the next one may be sound.
CLIENT_GONE: Final = frozenset(
    getattr(errno, name)
    for name in (
        "ECONNABORTED",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETUNREACH",
        "ENONET",
        "ENOPROTOOPT",
        "EOPNOTSUPP",
        "EPERM",
        "EPROTO",
    )
    if hasattr(errno, name)
)

# OpenSSL's reasons for first bytes that are not TLS. It recognizes GET, HEAD, POST and PUT; any other text
# counts as a wrong version.
NO_TLS: Final[Mapping[Any, str]] = {
    "HTTP_REQUEST": "the client speaks HTTP, and this port is for TLS; its URL must begin with https: ",
    "HTTPS_PROXY_REQUEST": "the client takes this server for a proxy, and this port is for TLS: ",
    "WRONG_VERSION_NUMBER": "the client does not speak TLS, HTTP perhaps, and this port is for TLS: ",
}


class Door:
    """A listening socket, and how its connections are created.

    :param sock: a TCP or Unix socket. The acceptor takes ownership of it.
    :param factory: creates the protocol of a connection. Its argument is the client's address as returned by
        :meth:`socket.socket.accept`, or ``None`` if the loop accepts.
    :param options: options of :meth:`asyncio.loop.connect_accepted_socket` for each connection: ``ssl`` and
        its timeouts. They may be replaced; later connections use the new ones.
    :param heading: reads a header of the PROXY protocol from each accepted connection; the factory then
        receives the header's content instead of the address. ``None``: connections have no such header.
    """

    __slots__ = ("factory", "heading", "options", "sock")

    def __init__(
        self,
        sock: socket.socket,
        factory: Callable[[Any], asyncio.BaseProtocol],
        options: Mapping[str, Any] = NO_OPTIONS,
        heading: Heading | None = None,
    ) -> None:
        self.sock = sock
        self.factory = factory
        self.options = options
        self.heading = heading


class Acceptor:
    """Accepts connections, and creates a protocol for each.

    :param doors: the listening sockets. :meth:`add` adds more.
    :param retry_delay: seconds to pause after the system refused a descriptor.
    """

    def __init__(self, doors: Sequence[Door], *, retry_delay: float = RETRY_DELAY) -> None:
        self._doors = list(doors)
        self._retry_delay = retry_delay
        self._watching = False
        self._starved = False
        self._retry: asyncio.TimerHandle | None = None
        # Connections that are not established yet: those over TLS, whose handshake takes a while, and the
        # others.
        self._tasks: set[asyncio.Task[Any]] = set()
        self._making: set[Coroutine[Any, Any, Any]] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        try:
            self._watch(loop)
        except NotImplementedError:
            if any(door.heading is not None for door in self._doors):
                raise ConfigurationError(
                    "proxy_protocol needs an event loop that can wait for sockets"
                ) from None
            # Windows' default loop cannot wait for a listening socket to be ready. It accepts in its own way.
            for door in self._doors:
                factory = partial(door.factory, None)
                self._servers.append(await loop.create_server(factory, sock=door.sock, **door.options))

    def add(self, doors: Sequence[Door]) -> None:
        """Accept from further sockets. Call this after :meth:`start`."""
        self._doors += doors
        if self._watching:
            loop = asyncio.get_running_loop()
            for door in doors:
                loop.add_reader(door.sock, self._accept, loop, door)

    def discard(self, sockets: Sequence[socket.socket]) -> None:
        """Stop accepting from some sockets and close them here; another process holds them too."""
        for sock in sockets:
            if self._watching:
                asyncio.get_running_loop().remove_reader(sock)
            self._doors = [door for door in self._doors if door.sock is not sock]
            sock.close()

    async def close(self, *, leave: bool = False, gone: Collection[str] = ()) -> None:
        """Stop listening, and abort TLS handshakes in progress. Calling it twice is allowed.

        Connections in the backlog are accepted first: on close, the system would reset them, with the
        requests already received. Data already received on any connection is read.

        :param leave: whether other processes hold the sockets too and accept from their backlogs.
        :param gone: the names of sockets that no other process holds.
        """
        loop = asyncio.get_running_loop()
        if self._retry is not None:
            self._retry.cancel()
        if self._watching:
            self._unwatch(loop)
            for door in self._doors:
                is_left = leave and socket_name(door.sock) not in gone
                for _ in range(0 if is_left else LAST_BURSTS):
                    if not self._accept(loop, door):
                        break
                door.sock.close()
            for door in self._doors:
                if door.heading is not None:
                    if leave:
                        await door.heading.drain(HANDSHAKE_GRACE)
                    door.heading.close()
        for server in self._servers:
            server.close()
        for door in self._doors:
            door.sock.close()
        # Without TLS, a connection is established within one or two turns. If its task is cancelled in this
        # time, uvloop closes it without telling the protocol, and the server would wait for its end until
        # shutdown_timeout.
        while self._making:  # noqa: ASYNC110 - a set has no event
            await asyncio.sleep(0)
        if leave and self._tasks:
            # Finish these handshakes: there is time, and their clients cannot move to another process.
            await asyncio.wait(self._tasks, timeout=HANDSHAKE_GRACE)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for _ in range(TURNS_TO_READ):
            await asyncio.sleep(0)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        for door in self._doors:
            loop.add_reader(door.sock, self._accept, loop, door)
        self._watching = True

    def _unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._watching:
            self._watching = False
            for door in self._doors:
                loop.remove_reader(door.sock)

    def _accept(self, loop: asyncio.AbstractEventLoop, door: Door) -> bool:
        """Accept some of the waiting connections; return whether there may be more."""
        sock = door.sock
        for _ in range(BURST):
            try:
                connection, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                # The backlog is empty.
                self._recover()
                return False
            except OSError as error:
                if error.errno in CLIENT_GONE:
                    continue
                self._pause(loop, error)
                return False
            if door.heading is None:
                self._connect(loop, door, connection, address)
            else:
                connect = partial(self._connect, loop, door, connection)
                door.heading.read(loop, connection, address, connect)
        return True

    def _connect(
        self, loop: asyncio.AbstractEventLoop, door: Door, connection: socket.socket, address: Any
    ) -> None:
        try:
            protocol = door.factory(address)
        except Exception:
            logger.exception("the protocol of a connection could not be created")
            connection.close()
            return
        options = door.options
        making = loop.connect_accepted_socket(lambda: protocol, connection, **options)
        if options.get("ssl") is None:
            self._making.add(making)
            self._go_on(making, connection, None)
        else:
            self._begin_task(making, connection)

    def _go_on(self, making: Coroutine[Any, Any, Any], connection: socket.socket, waiter: Any) -> None:
        """Continue to establish a connection without TLS.

        The coroutine waits only once, until the loop's next turn has called ``connection_made``. A task for
        this wait would cost more than the connection itself.
        """
        try:
            waiter = making.send(None)
        except StopIteration:
            self._making.discard(making)
        except Exception as error:
            self._making.discard(making)
            self._fail(connection, error)
        else:
            if waiter is None:
                # Loops other than asyncio's and uvloop may wait more than once.
                self._making.discard(making)
                self._begin_task(making, connection)
            else:
                waiter.add_done_callback(partial(self._go_on, making, connection))

    def _begin_task(self, making: Coroutine[Any, Any, Any], connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(making)
        self._tasks.add(task)
        task.add_done_callback(partial(self._connected, connection))

    def _connected(self, connection: socket.socket, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            # If the task was cancelled before its first step, there is no transport yet that would close the
            # socket.
            connection.close()
        elif (error := task.exception()) is not None:
            self._fail(connection, error)

    def _fail(self, connection: socket.socket, error: BaseException) -> None:
        connection.close()
        # TLS errors and handshake timeouts are OSErrors too.
        if isinstance(error, OSError):
            hint = NO_TLS.get(getattr(error, "reason", None), "")
            logger.debug("a connection could not be made: %s%s: %s", hint, type(error).__name__, error)
        else:
            logger.error("a connection could not be made", exc_info=error)

    def _pause(self, loop: asyncio.AbstractEventLoop, error: OSError) -> None:
        # EMFILE, ENFILE, ENOBUFS, ENOMEM: the shortage affects all sockets.
        if not self._starved:
            self._starved = True
            logger.warning("no connection can be accepted, and clients have to wait: %s", error.strerror)
        if self._watching:
            self._unwatch(loop)
            self._retry = loop.call_later(self._retry_delay, self._watch, loop)

    def _recover(self) -> None:
        if self._starved:
            self._starved = False
            logger.info("connections are accepted again")
