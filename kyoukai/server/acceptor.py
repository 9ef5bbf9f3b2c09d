"""From listening sockets to connections.

asyncio's own loop of accepts tries on when the process is out of descriptors, as often in a row as
the backlog is long, with an error and a timer each time. This one stops for a while, and says so
once. The clients wait meanwhile, in the system's backlog.
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
"""Most connections that are accepted in one turn of the loop. A turn that takes several is cheaper than
several turns. One that took all that wait would have server and clients in step: while it accepts, no client
has anything to do, and while they connect anew, it has not."""

LAST_BURSTS: Final = 128
"""Most bursts that are accepted at the end: a backlog. Who connects meanwhile might never come to an end."""

TURNS_TO_READ: Final = 3
"""Turns of the loop in which it reads what lies unread on a connection that has just been made. asyncio
begins to wait for it in the second."""

HANDSHAKE_GRACE: Final = 5.0
"""Seconds that a TLS handshake, or a header of the PROXY protocol, has to end in where another process takes
this one's place."""

RETRY_DELAY: Final = 0.5
"""Seconds until the next try after the system refused a descriptor; nginx waits as long, asyncio 1."""

NO_OPTIONS: Final[Mapping[str, Any]] = {}

# accept(2) reports these of the one connection that it took from the queue; the next one may be sound.
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

# What OpenSSL makes of the first bytes of a client that does not speak TLS. It knows GET, HEAD, POST and
# PUT; any other text is a wrong version to it.
NO_TLS: Final[Mapping[Any, str]] = {
    "HTTP_REQUEST": "the client speaks HTTP, and this port is for TLS; its URL must begin with https: ",
    "HTTPS_PROXY_REQUEST": "the client takes this server for a proxy, and this port is for TLS: ",
    "WRONG_VERSION_NUMBER": "the client does not speak TLS, HTTP perhaps, and this port is for TLS: ",
}


class Door:
    """A socket that listens, and how its connections are made.

    :param sock: a TCP or Unix socket. It is the acceptor's from now on.
    :param factory: makes the protocol of one connection. It is given the client's address, as
        :meth:`socket.socket.accept` has it; ``None`` where the loop accepts.
    :param options: what every connection is made with, as
        :meth:`asyncio.loop.connect_accepted_socket` has it: ``ssl`` and its timeouts. Others may be set for
        the connections that are made afterwards.
    :param heading: what reads a header of the PROXY protocol from a connection that was just accepted; the
        factory is given what that says, in place of the address. ``None``: there is none.
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
    """Accepts connections, and gives each a protocol.

    :param doors: the sockets that listen. More can be added by :meth:`add`.
    :param retry_delay: seconds until the next try after the system refused a descriptor.
    """

    def __init__(self, doors: Sequence[Door], *, retry_delay: float = RETRY_DELAY) -> None:
        self._doors = list(doors)
        self._retry_delay = retry_delay
        self._watching = False
        self._starved = False
        self._retry: asyncio.TimerHandle | None = None
        # Connections that are not made yet: those over TLS, which takes a while, and the others.
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
            # Windows' own loop cannot wait until a socket is ready. It has ways to accept instead.
            for door in self._doors:
                factory = partial(door.factory, None)
                self._servers.append(await loop.create_server(factory, sock=door.sock, **door.options))

    def add(self, doors: Sequence[Door]) -> None:
        """Accept from further sockets, once it has started."""
        self._doors += doors
        if self._watching:
            loop = asyncio.get_running_loop()
            for door in doors:
                loop.add_reader(door.sock, self._accept, loop, door)

    def discard(self, sockets: Sequence[socket.socket]) -> None:
        """Accept from some of the sockets no more, and close them here: another process has them."""
        for sock in sockets:
            if self._watching:
                asyncio.get_running_loop().remove_reader(sock)
            self._doors = [door for door in self._doors if door.sock is not sock]
            sock.close()

    async def close(self, *, leave: bool = False, gone: Collection[str] = ()) -> None:
        """Listen no more, and give up TLS handshakes that are under way. It may be called twice.

        Whoever has connected is accepted before: the system resets the connections in a backlog, with the
        requests that have come on them. What has been sent on any connection by then is read.

        :param leave: whether other processes have the sockets too, and accept who has connected.
        :param gone: the names of those that nobody else has.
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
        # Without TLS, a connection is made within a turn or two. uvloop tears one down that is given up
        # then, and never tells its protocol: the server would wait for its end until shutdown_timeout.
        while self._making:  # noqa: ASYNC110 - a set has no event
            await asyncio.sleep(0)
        if leave and self._tasks:
            # There is no hurry, and these clients cannot go to another process any more.
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
        """Accept some of those who wait; return whether there may be more."""
        sock = door.sock
        for _ in range(BURST):
            try:
                connection, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                # All who waited are in.
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
            logger.exception("no protocol could be made for a connection")
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
        """Go on with the making of a connection without TLS.

        It waits once, until the loop's next turn has called ``connection_made``. A task that waits for
        that costs more than to make the connection.
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
                # Another loop than asyncio's and uvloop has more to do.
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
            # It has no transport to close it if that was before the task's first step.
            connection.close()
        elif (error := task.exception()) is not None:
            self._fail(connection, error)

    def _fail(self, connection: socket.socket, error: BaseException) -> None:
        connection.close()
        # What fails in TLS is an OSError too, and so is a handshake that takes too long.
        if isinstance(error, OSError):
            hint = NO_TLS.get(getattr(error, "reason", None), "")
            logger.debug("a connection could not be made: %s%s: %s", hint, type(error).__name__, error)
        else:
            logger.error("a connection could not be made", exc_info=error)

    def _pause(self, loop: asyncio.AbstractEventLoop, error: OSError) -> None:
        # EMFILE, ENFILE, ENOBUFS, ENOMEM: what is lacking here is lacking for all the sockets.
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
