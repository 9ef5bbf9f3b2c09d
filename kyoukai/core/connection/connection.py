"""The transport's side of a connection: flow control, deadlines, and the ways in which it ends.

It knows bytes, and neither HTTP nor what is said: any protocol over a byte stream can derive from it. A
backend's author overrides ``data_received`` (and asks :attr:`Connection.is_ending` first), and what else
the wire needs. An override of what is called by the transport or the server calls ``super()``. All is called
in the event loop.
"""

import asyncio
import enum
from typing import TYPE_CHECKING, Any, TypeVar

from ..applications.forms import answerer_of
from ..exchange.client_state import ClientState
from ..exchange.environ import connection_environ
from ..semantics.forwarding import UNNAMED
from ..serving.server_state import NEVER, logger
from .client_certificates import client_variables
from .gathering import write_both
from .resets import set_reset

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..limits import Limits
    from ..serving.application import ServerComponent

OtherProtocol = TypeVar("OtherProtocol", bound=asyncio.Protocol)


class Phase(enum.Enum):
    """Where in its life a connection is."""

    OPEN = "open"
    LINGERING = "lingering"
    """The last answer is on its way and our side is shut; input is discarded until the client closes too,
    so that no reset destroys the answer (RFC 9112 section 9.6)."""
    CLOSED = "closed"
    """The transport is closing, or closed, or another protocol's."""


OPEN, LINGERING, CLOSED = Phase.OPEN, Phase.LINGERING, Phase.CLOSED


class Unnamed(tuple[Any, ...]):
    """The address of a proxy that has connected for a client, and does not say which; empty: it has none."""

    __slots__ = ()


class Connection(asyncio.Protocol):
    """One connection, without what is said on it.

    :param component: what the connection serves for.
    :param parent_context: the Asphalt context that each request's context derives from.
    :param server_ip: the address listened on; the path of a Unix socket.
    :param server_port: the port listened on; 0 for a Unix socket.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    client: ClientState
    """Whether the client is there, and keeps up."""
    environ: dict[str, Any]
    """What the environs of all requests of this connection share."""

    # What most connections never change is the class's: an object of more than thirty attributes
    # takes CPython twice as long to look at.
    peer: "tuple[Any, ...] | None" = None
    """The client's address, where whoever accepted the connection knows it; else the transport is asked. It
    is an :class:`Unnamed` where a proxy has connected for a client, and does not say which."""
    hosted: Any = None
    """What an application that is hosted keeps of the connection, so that each request need not read it."""
    is_open_ended = False
    """Whether the end of the connection is what delimits the answer being sent, or sent last."""
    _stalled_since = NEVER
    _stalled_size = 0
    _lingered_size = 0

    def __init__(
        self,
        component: "ServerComponent",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        self.component = component
        self.parent_context = parent_context
        self.server_ip = server_ip
        self.server_port = server_port
        self.server = component.server
        self.features = self.server.features
        """What the backend can do that the connection is of; of one among several, once it is made."""
        self.app = component.app
        answerer, around = answerer_of(component.app), component.server.around
        self.answerer = answerer if around is None else around(answerer)
        """What answers the requests of this connection."""
        self.phase = OPEN
        self.is_secure = False
        """Whether it is by TLS."""
        self.deadline = NEVER
        """When to act if nothing happens before, by :attr:`Server.clock`."""

    @property
    def limits(self) -> "Limits":
        """Limits and deadlines of the server's connections."""
        return self.server.limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a connection just accepted."""
        self.transport = transport  # type: ignore[assignment]
        # To ask for it is a system call in Python 3.11.
        self.loop = asyncio.get_running_loop()
        self.client = ClientState(self.loop)
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        is_local = self.server_port == 0
        # A client that a proxy named has an address, also where the proxy has come by a Unix socket.
        peer = self.peer or (None if is_local else transport.get_extra_info("peername"))
        self.environ = connection_environ(
            scheme="https" if self.is_secure else "http",
            server=("localhost", 80) if is_local else (self.server_ip, self.server_port),
            peer=peer[:2] if peer else None,
        )
        if self.is_secure:
            self.environ |= client_variables(transport.get_extra_info("ssl_object"))
        if type(self.peer) is Unnamed:
            self.environ[UNNAMED] = True
        self.await_request()
        self.server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up: the connection is gone. ``exc`` is why, or ``None`` where it was closed."""
        self._end()
        self.deadline = self._stalled_since = NEVER
        self.release()
        self.client.lose()
        self.server.lost(self, exc)

    @property
    def is_ending(self) -> bool:
        """Whether what still comes is only discarded: see :meth:`discard`."""
        return self.phase is not OPEN

    # The client's presence

    @property
    def client_gone(self) -> bool:
        """Whether nothing that is written reaches the client any more."""
        return self.phase is CLOSED or self.transport.is_closing()

    @property
    def client_ended(self) -> bool:
        """Whether the client has ended its side, or is gone."""
        return self.client.has_ended

    async def wait_client_ended(self) -> None:
        """Wait until the client has ended its side, or is gone."""
        await self.client.wait_ended()

    # Writing

    def write(self, text: str) -> None:
        """Write text, as UTF-8."""
        self.raw_write(text.encode())

    def raw_write(self, data: bytes) -> None:
        """Write bytes, without a wait: :meth:`drain` waits. On a closed connection they are discarded."""
        if self.phase is not CLOSED:
            self.transport.write(data)

    def raw_write_both(self, head: bytes, body: bytes) -> None:
        """Write a head and a body that is too large to be copied, as :meth:`raw_write` does."""
        if self.phase is not CLOSED:
            write_both(self.transport, head, body)

    @property
    def is_paused(self) -> bool:
        """Whether the client reads more slowly than we write."""
        return self.client.is_paused

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        self.client.pause()
        self.watch_progress()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        if self.phase is not CLOSED:
            self.unwatch_progress()
        self.client.resume()

    def watch_progress(self) -> None:
        """From now on, cut the client off when it takes nothing for ``write_timeout``."""
        self._stalled_since = self.server.clock
        self._stalled_size = self.transport.get_write_buffer_size()

    def unwatch_progress(self) -> None:
        """Let the client take its time again."""
        self._stalled_since = NEVER

    async def drain(self) -> bool:
        """Wait until the client has caught up.

        :return: whether there was anything to wait for, so that the loop has had its turn.
        :raises ConnectionResetError: if it is gone.
        """
        # A transport knows of a reset before it has told its protocol.
        if self.client_gone:
            raise ConnectionResetError("the client is gone")
        return await self.client.wait_room()

    # The ways in which it ends

    def _end(self) -> None:
        """Write nothing any more."""
        self.phase = CLOSED
        self.client.is_gone = True

    def close(self) -> None:
        """Close once what was written has gone; cut off if that makes no progress for ``write_timeout``.

        It may be called again.
        """
        if self.phase is not CLOSED:
            self._end()
            self.deadline = NEVER
            self.watch_progress()
            self.transport.close()

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once, whatever is still to be written. A stop calls it for what is left at its end.

        :return: a task that is cancelled and has to be waited for, if there is one.
        """
        self.spoil_end()
        self._end()
        self._abort_transport()
        return None

    def reset(self) -> None:
        """Close at once, and so that the client takes it for a failure and not for the end."""
        set_reset(self.transport, True)
        Connection.abort(self)

    def _abort_transport(self) -> None:
        """Abort the transport, unless the connection is lost or handed to another protocol.

        A transport of asyncio that closed after it had sent its buffer cannot be aborted after
        ``connection_lost``: it has no loop then, and raises an AttributeError.
        """
        if self in self.server.connections:
            self.transport.abort()

    def note_open_end(self, is_under_way: bool) -> None:
        """Note that an answer which the connection's end delimits begins, or has all been written.

        While it is under way, whatever ends the connection resets it, the end of the process too.
        """
        if is_under_way or self.is_open_ended:
            self.is_open_ended = True
            set_reset(self.transport, is_under_way)

    def spoil_end(self) -> None:
        """Before the connection is cut off, make its end a reset where an answer would look whole."""
        # A transport over TLS does not tell what it has yet to write.
        if self.is_open_ended and (self.is_secure or self.transport.get_write_buffer_size()):
            set_reset(self.transport, True)

    def linger(self) -> None:
        """Shut our side, and read on for a while, so that the client sees the last answer.

        RFC 9112 section 9.6: a server that closes while the client still sends has its answer
        destroyed by the reset that its own system sends.
        """
        if self.phase is CLOSED or self.client.has_ended:
            self.close()
            return
        self.phase = LINGERING
        self.deadline = self.server.clock + self.limits.linger_timeout
        if self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:
                # A socket knows of a reset before its transport does.
                self.transport.abort()

    def discard(self, size: int) -> None:
        """Take note of ``size`` bytes received after the last request; close when they are too many.

        ``data_received`` calls it, and reads nothing of them, while :attr:`is_ending`.
        """
        self._lingered_size += size
        if self.phase is LINGERING and self._lingered_size > self.server.linger_size:
            self.close()

    def shutdown(self) -> None:
        """Close, for nothing is under way, and do not wait long for TLS's farewell.

        A stop calls it. A connection on which a request is under way overrides it, and closes after the
        answer.
        """
        self.close()
        if not self.transport.get_write_buffer_size():
            self.deadline = self.server.clock + self.limits.linger_timeout

    def take_unread(self) -> bytes:
        """Return what was received and not parsed, for :meth:`replace`. It is not read here any more."""
        return b""

    def replace(self, other: type[OtherProtocol], *args: Any, **kwargs: Any) -> OtherProtocol:
        """Hand the connection to a new protocol: how an upgrade leaves HTTP/1.

        The new protocol's ``connection_made`` is called, and ``data_received`` with the bytes that
        were received and not parsed. Of this protocol nothing is called afterwards, and no answer
        is written for the request being handled.

        :raises ConnectionResetError: if the client is gone.
        :raises BaseException: what the new protocol raises; the connection is aborted then.
        :param other: the class of the new protocol.
        :param args: what it is made with; so ``kwargs``.
        :return: the new protocol.
        """
        if self.phase is CLOSED:
            raise ConnectionResetError("the client is gone")
        protocol = other(*args, **kwargs)
        unread = self.take_unread()
        client_ended = self.client.has_ended
        self._end()
        self.deadline = self._stalled_since = NEVER
        self.release()
        self.server.lost(self, None)
        self.transport.set_protocol(protocol)
        if not client_ended:
            # Before it is called: it may have the client wait for what it gets now.
            self.transport.resume_reading()
        try:
            protocol.connection_made(self.transport)
            if self.client.is_paused:
                protocol.pause_writing()
            if unread and not self.transport.is_closing():
                protocol.data_received(unread)
            if client_ended and not (self.transport.is_closing() or protocol.eof_received()):
                # The transport has told it once already, and tells nobody again.
                self.transport.close()
        except BaseException:
            # Nobody else would end it.
            self.transport.abort()
            raise
        return protocol

    def release(self) -> None:
        """Let go of what refers to this object: it handles the connection no longer."""
        self.client.end()
        # What the log wants of it stays.
        self.environ.pop("kyoukai.protocol", None)

    # Deadlines

    def await_request(self) -> None:
        """Set :attr:`deadline` for a connection that no request is under way on: ``keep_alive_timeout``."""
        self.deadline = self.server.clock + self.limits.keep_alive_timeout

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed. The server calls it at least once a second.

        :param now: :attr:`Server.clock`, in seconds.
        """
        if self._stalled_since <= now:
            self._check_progress(now)
        if self.deadline <= now:
            self.expire()

    def _check_progress(self, now: float) -> None:
        size = self.transport.get_write_buffer_size()
        if size < self._stalled_size:
            self._stalled_since, self._stalled_size = now, size
        elif now - self._stalled_since >= self.limits.write_timeout:
            logger.debug("a client does not read: cutting it off")
            self.abort()

    def expire(self) -> None:
        """Act on :attr:`deadline`: close, and cut off what does not close in time."""
        if self.phase is CLOSED:
            self.transport.abort()
        elif self.transport.get_write_buffer_size():
            # It is not idle: an answer is on its way. Whether it gets on decides.
            self.deadline = self.server.clock + self.limits.linger_timeout
            if self._stalled_since is NEVER:
                self.watch_progress()
        else:
            self.close()
