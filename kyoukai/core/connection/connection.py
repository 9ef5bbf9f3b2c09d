"""The transport's side of a connection: flow control, deadlines, and the ways in which it ends.

It knows bytes and no HTTP. :class:`~kyoukai.core.http1.protocol.HTTPProtocol` derives from it.
"""

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from ..http1.states import CLOSED, IDLE, LINGERING, State
from ..serving.server_state import NEVER, logger
from .gathering import write_both
from .resets import set_reset

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import Component

OtherProtocol = TypeVar("OtherProtocol", bound=asyncio.Protocol)


class Connection(asyncio.Protocol):
    """One connection, without what is said on it.

    :param component: what the connection serves for.
    :param parent_context: the Asphalt context that each request's context derives from.
    :param server_ip: the address listened on; the path of a Unix socket.
    :param server_port: the port listened on; 0 for a Unix socket.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    # What most connections never change is the class's: an object of more than thirty attributes
    # takes CPython twice as long to look at.
    client_ended = False
    """Whether the client has ended its side, or is gone."""
    is_open_ended = False
    """Whether the end of the connection is what delimits the answer being sent, or sent last."""
    _ended: "asyncio.Future[None] | None" = None
    _room: "list[asyncio.Future[None]] | None" = None  # who waits for the client to catch up
    _stalled_since = NEVER
    _stalled_size = 0
    _lingered_size = 0

    def __init__(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> None:
        self.component = component
        self.parent_context = parent_context
        self.server_ip = server_ip
        self.server_port = server_port
        self.server = component.server
        self.limits = component.server.limits
        self.state: State = IDLE
        self.is_secure = False
        """Whether it is by TLS."""
        self.is_paused = False
        """Whether the client reads more slowly than we write."""
        self.deadline = NEVER
        """When to act if nothing happens before, by :attr:`Server.clock`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a connection just accepted."""
        self.transport = transport  # type: ignore[assignment]
        # To ask for it is a system call in Python 3.11.
        self.loop = asyncio.get_running_loop()
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        self.deadline = self.server.clock + self.limits.keep_alive_timeout
        self.server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up: the connection is gone. ``exc`` is why, or ``None`` where it was closed."""
        self.state = self.state.close
        self.deadline = self._stalled_since = NEVER
        self.release()
        self._wake(ConnectionResetError("the client is gone"))
        self.server.lost(self, exc)

    # The client's presence

    @property
    def client_gone(self) -> bool:
        """Whether nothing that is written reaches the client any more."""
        return self.state is CLOSED or self.transport.is_closing()

    def note_client_ended(self) -> None:
        """Note that the client has ended its side, or is gone."""
        self.client_ended = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def wait_client_ended(self) -> None:
        """Wait until the client has ended its side, or is gone."""
        if self.client_ended:
            return
        if self._ended is None:
            self._ended = self.loop.create_future()
        # One of those who wait may be cancelled, and the others not.
        await asyncio.shield(self._ended)

    # Writing

    def write(self, text: str) -> None:
        """Write text, as UTF-8."""
        self.raw_write(text.encode())

    def raw_write(self, data: bytes) -> None:
        """Write bytes. They are discarded where the connection is closed."""
        if self.state is not CLOSED:
            self.transport.write(data)

    def raw_write_both(self, head: bytes, body: bytes) -> None:
        """Write a head and a body that is too large to be copied, as :meth:`raw_write` does."""
        if self.state is not CLOSED:
            write_both(self.transport, head, body)

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        self.is_paused = True
        self.watch_progress()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        if self.state is not CLOSED:
            self.unwatch_progress()
        self.is_paused = False
        self._wake(None)

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
        if not self.is_paused:
            return False
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._room = [*(self._room or ()), waiter]
        await waiter
        return True

    def _wake(self, error: Exception | None) -> None:
        """Let those go on who wait for the client, or tell them why they need not."""
        waiters, self._room = self._room, None
        for waiter in waiters or ():
            if waiter.done():
                continue  # It was cancelled.
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    # The ways in which it ends

    def close(self) -> None:
        """Close once what was written has gone; cut off if that makes no progress in time."""
        if self.state is not CLOSED:
            self.state = self.state.close
            self.deadline = NEVER
            self.watch_progress()
            self.transport.close()

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once, whatever is still to be written."""
        self.spoil_end()
        self.state = self.state.close
        self.transport.abort()
        return None

    def reset(self) -> None:
        """Close at once, and so that the client takes it for a failure and not for the end."""
        set_reset(self.transport, True)
        Connection.abort(self)

    def note_open_end(self, is_under_way: bool) -> None:
        """Note that an answer which the connection's end delimits begins, or has all been written.

        While it is under way, whatever ends the connection resets it, the end of the process too.
        """
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
        self.state = self.state.linger
        self.deadline = self.server.clock + self.limits.linger_timeout
        if self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:
                # A socket knows of a reset before its transport does.
                self.transport.abort()

    def discard(self, size: int) -> None:
        """Take note of ``size`` bytes received after the last request."""
        self._lingered_size += size
        if self.state is LINGERING and self._lingered_size > self.server.linger_size:
            self.close()

    def shutdown(self) -> None:
        """Close, for nothing is under way, and do not wait long for TLS's farewell."""
        self.close()
        if not self.transport.get_write_buffer_size():
            self.deadline = self.server.clock + self.limits.linger_timeout

    def take_unread(self) -> bytes:
        """Return what was received and not parsed, for another protocol."""
        return b""

    def replace(self, other: type[OtherProtocol], *args: Any, **kwargs: Any) -> OtherProtocol:
        """Hand the connection to a new protocol: how an upgrade leaves HTTP/1.

        The new protocol's ``connection_made`` is called, and ``data_received`` with the bytes that
        were received and not parsed. Of this protocol nothing is called afterwards, and no answer
        is written for the request being handled.

        :raises ConnectionResetError: if the client is gone.
        :param other: the class of the new protocol.
        :param args: what it is made with; so ``kwargs``.
        :return: the new protocol.
        """
        if self.state is CLOSED:
            raise ConnectionResetError("the client is gone")
        protocol = other(*args, **kwargs)
        unread = self.take_unread()
        client_ended = self.client_ended
        self.state = self.state.close
        self.deadline = self._stalled_since = NEVER
        self.release()
        self.server.lost(self, None)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if unread:
            protocol.data_received(unread)
        if not client_ended:
            self.transport.resume_reading()
        elif not protocol.eof_received():
            # The transport has told it once already, and tells nobody again.
            self.transport.close()
        return protocol

    def release(self) -> None:
        """Let go of what refers to this object: it handles the connection no longer."""
        self.note_client_ended()

    # Deadlines

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed."""
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
        if self.state is CLOSED:
            self.transport.abort()
        elif self.transport.get_write_buffer_size():
            # It is not idle: an answer is on its way. Whether it gets on decides.
            self.deadline = self.server.clock + self.limits.linger_timeout
            if self._stalled_since is NEVER:
                self.watch_progress()
        else:
            self.close()
