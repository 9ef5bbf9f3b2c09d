"""The transport's side of a connection: flow control, deadlines, and the ways in which it ends.

It handles bytes and knows no HTTP: any protocol over a byte stream can derive from it. A backend's author
overrides ``data_received`` (which first checks :attr:`Connection.is_ending`) and other methods as the wire
needs. Overrides of the methods that the transport or the server calls must call ``super()``. All methods are
called in the event loop.
"""

import asyncio
import enum
from typing import TYPE_CHECKING, Any, TypeVar

from ..applications.forms import answerer_of
from ..exchange.access import client_address
from ..exchange.client_state import ClientState
from ..exchange.environ import connection_environ
from ..semantics.forwarding import UNNAMED
from ..serving.server_state import NEVER, logger
from .client_certificates import client_variables
from .delivery import held_size, may_hold, measure_backlog, queued_size
from .gathering import write_both
from .resets import set_reset

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..limits import Limits
    from ..serving.application import ServerComponent

OtherProtocol = TypeVar("OtherProtocol", bound=asyncio.Protocol)


class Phase(enum.Enum):
    """The stage of a connection's life."""

    OPEN = "open"
    LINGERING = "lingering"
    """The last answer was written and our side is shut. Input is discarded until the client closes too, so
    that no reset destroys the answer (RFC 9112 section 9.6)."""
    CLOSED = "closed"
    """The transport is closing or closed, or belongs to another protocol."""


OPEN, LINGERING, CLOSED = Phase.OPEN, Phase.LINGERING, Phase.CLOSED


class Unnamed(tuple[Any, ...]):
    """The address of a proxy that did not say which client it connects for; empty if the proxy has none."""

    __slots__ = ()


class Connection(asyncio.Protocol):
    """One connection, independent of the protocol spoken on it.

    :param component: the component that it serves.
    :param parent_context: the parent of each request's Asphalt context.
    :param server_ip: the address listened on; the path of a Unix socket.
    :param server_port: the port listened on; 0 for a Unix socket.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    client: ClientState
    """The client's state: whether it is connected, and reads fast enough."""
    environ: dict[str, Any]
    """The variables that the environs of all requests of this connection share."""

    # Attributes that most connections never change are on the class: above thirty instance attributes,
    # CPython takes twice as long to read one.
    peer: "tuple[Any, ...] | None" = None
    """The client's address, if the code that accepted the connection knows it; otherwise the transport is
    asked. An :class:`Unnamed` for a proxy that did not say which client it connects for."""
    hosted: Any = None
    """Data that a hosted application keeps for the connection, so that it is not read for each request."""
    is_open_ended = False
    """Whether the current or latest answer is delimited by the end of the connection."""
    _stalled_since = NEVER
    _stalled_backlog = 0
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
        """The features of the connection's backend, which are known once the connection is made."""
        self.app = component.app
        answerer, around = answerer_of(component.app), component.server.around
        self.answerer = answerer if around is None else around(answerer)
        """The object that answers the requests of this connection."""
        self.phase = OPEN
        self.is_secure = False
        """Whether it uses TLS."""
        self.deadline = NEVER
        """When to act if nothing happens before, by :attr:`Server.clock`."""

    @property
    def limits(self) -> "Limits":
        """Limits and deadlines of the server's connections."""
        return self.server.limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a new connection."""
        self.transport = transport  # type: ignore[assignment]
        # Python 3.11 makes a system call for it.
        self.loop = asyncio.get_running_loop()
        self.client = ClientState(self.loop)
        self.is_secure = transport.get_extra_info("sslcontext") is not None
        is_local = self.server_port == 0
        # A client that a proxy named has an address, even if the proxy connected by a Unix socket.
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
        """Clean up after the end of the connection. ``exc`` is the reason, or ``None`` if it was closed."""
        self._end()
        self.deadline = self._stalled_since = NEVER
        self.release()
        self.client.lose()
        self.server.lost(self, exc)

    @property
    def is_ending(self) -> bool:
        """Whether further input is only to be discarded: see :meth:`discard`."""
        return self.phase is not OPEN

    # The client's presence

    @property
    def client_gone(self) -> bool:
        """Whether the client no longer receives what is written."""
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
        """Write bytes without waiting; :meth:`drain` waits. Once closed, discard them."""
        if self.phase is not CLOSED:
            self.transport.write(data)

    def raw_write_both(self, head: bytes, body: bytes) -> None:
        """Write ``head``, and a ``body`` that is too large to copy, as :meth:`raw_write` does."""
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
        """Start to watch progress: cut the client off if it takes nothing for ``write_timeout``."""
        self._stalled_since = self.server.clock
        self._stalled_backlog = self._measure_backlog()

    def unwatch_progress(self) -> None:
        """Stop watching progress."""
        self._stalled_since = NEVER

    async def drain(self) -> bool:
        """Wait until the client has read enough for more to be written.

        :return: whether it waited, so that the loop has run other callbacks.
        :raises ConnectionResetError: if the client is gone.
        """
        # A transport knows of a reset before it tells its protocol.
        if self.client_gone:
            raise ConnectionResetError("the client is gone")
        return await self.client.wait_room()

    # Ends of the connection

    def _end(self) -> None:
        """Note that nothing more is written."""
        self.phase = CLOSED
        self.client.is_gone = True

    def close(self) -> None:
        """Close after what was written is sent; cut off if ``write_timeout`` passes without progress.

        It may be called again.
        """
        if self.phase is not CLOSED:
            self._end()
            self.deadline = NEVER
            self._lingered_size = 0
            self.watch_progress()
            if self.is_secure:
                self._close_secure()
            else:
                self.transport.close()

    def _close_secure(self) -> None:
        """Close a transport over TLS after what was written is sent, then wait for the client's close_notify.

        Once closed, such a transport drops what it has not sent in time, even if the client takes it.
        """
        if may_hold(self.transport):
            # The next sweep looks again. write_timeout ends a client that takes nothing.
            self.deadline = self.server.clock
        elif not self.transport.is_closing():
            self.transport.close()
            self.deadline = self.server.clock + self.limits.linger_timeout
        else:
            self.transport.abort()

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once, without sending the rest. A stop calls it when its time is up.

        :return: the cancelled task to wait for, if there is one.
        """
        self.spoil_end()
        self._end()
        self._abort_transport()
        return None

    def reset(self) -> None:
        """Close at once, in a way that the client sees as a failure instead of an end."""
        set_reset(self.transport, True)
        Connection.abort(self)

    def _abort_transport(self) -> None:
        """Abort the transport, unless the connection is lost or handed to another protocol.

        If asyncio's transport was closed before its buffer was sent, it cannot be aborted after
        ``connection_lost``: it has no loop then, and raises an AttributeError.
        """
        if self in self.server.connections:
            self.transport.abort()

    def note_open_end(self, is_under_way: bool) -> None:
        """Note that an answer delimited by the connection's end begins, or is completely written.

        In between, any end of the connection is a reset, even if the process ends.
        """
        if is_under_way or self.is_open_ended:
            self.is_open_ended = True
            set_reset(self.transport, is_under_way)

    def spoil_end(self) -> None:
        """Before a cut-off, make the end a reset if an answer would look complete otherwise."""
        # A transport over TLS does not tell how much it has yet to send.
        if self.is_open_ended and (self.is_secure or self.transport.get_write_buffer_size()):
            set_reset(self.transport, True)

    def linger(self) -> None:
        """Shut our side, and read on for a while, so that the client gets the last answer.

        RFC 9112 section 9.6: if a server closes while the client is still sending, its system sends a reset,
        which destroys the answer.
        """
        if self.phase is CLOSED or self.client.has_ended:
            self.close()
            return
        self.phase = LINGERING
        self.deadline = self.server.clock + self.limits.linger_timeout
        self.watch_progress()
        if self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:
                # A socket knows of a reset before its transport does.
                self.transport.abort()

    def discard(self, size: int) -> None:
        """Count ``size`` bytes received after the last request; close if they are too many.

        While :attr:`is_ending`, ``data_received`` calls it instead of reading.
        """
        self._lingered_size += size
        if self._lingered_size <= self.server.linger_size:
            return
        if self.phase is LINGERING:
            self.close()
        elif self.phase is CLOSED and self.is_secure:
            # It waits for a client that sends, and does not read.
            self.abort()

    def shutdown(self) -> None:
        """Close an idle connection.

        A stop calls it. A subclass overrides it to wait for the answer to a request under way.
        """
        self.close()

    def take_unread(self) -> bytes:
        """Return the bytes that were received and not parsed, for :meth:`replace`, and stop reading."""
        return b""

    def replace(self, other: type[OtherProtocol], *args: Any, **kwargs: Any) -> OtherProtocol:
        """Hand the connection to a new protocol, as an upgrade from HTTP/1 does.

        The new protocol's ``connection_made`` is called, then ``data_received`` with the bytes that were
        received and not parsed. No method of this protocol is called afterwards, and no answer is written for
        the request being handled.

        :param other: the class of the new protocol.
        :param args: its arguments; likewise ``kwargs``.
        :return: the new protocol.
        :raises ConnectionResetError: if the client is gone.
        :raises BaseException: what the new protocol raises; the connection is aborted then.
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
            # Before the protocol is called: it may pause reading as soon as it gets data.
            self.transport.resume_reading()
        try:
            protocol.connection_made(self.transport)
            if self.client.is_paused:
                protocol.pause_writing()
            if unread and not self.transport.is_closing():
                protocol.data_received(unread)
            if client_ended and not (self.transport.is_closing() or protocol.eof_received()):
                # The transport has already reported the end of file, and does not repeat it.
                self.transport.close()
        except BaseException:
            # No other code would end it.
            self.transport.abort()
            raise
        return protocol

    def release(self) -> None:
        """Drop references back to this object, which no longer handles the connection."""
        self.client.end()
        # The log still needs the other variables.
        self.environ.pop("kyoukai.protocol", None)

    # Deadlines

    def await_request(self) -> None:
        """Set :attr:`deadline` for an idle connection: ``keep_alive_timeout`` from now."""
        self.deadline = self.server.clock + self.limits.keep_alive_timeout

    def sweep(self, now: float) -> None:
        """Act on deadlines that have passed. The server calls it at least once a second.

        :param now: :attr:`Server.clock`, in seconds.
        """
        if self._stalled_since <= now:
            self._check_progress(now)
        if self.deadline <= now:
            self.expire()

    def _measure_backlog(self) -> int:
        if not (self.is_secure or self.phase is LINGERING):
            return self.transport.get_write_buffer_size()
        return measure_backlog(self.transport)

    def _check_progress(self, now: float) -> None:
        backlog = self._measure_backlog()
        if backlog < self._stalled_backlog:
            self._stalled_since, self._stalled_backlog = now, backlog
            if self.phase is LINGERING or self.transport.is_closing():
                self.deadline = max(self.deadline, now + self.limits.linger_timeout)
        elif self.phase is not CLOSED and not held_size(self.transport) and queued_size(self.transport) == 0:
            self.unwatch_progress()
        elif now - self._stalled_since >= self.limits.write_timeout:
            self.note_refusal("write-timeout")
            self.abort()

    def note_refusal(self, identifier: str, reason: str = "") -> None:
        """Log that the connection, or a stream of it, is cut off: at DEBUG, and as a warning now and then.

        :param identifier: of an entry in the table of refusals that has no status.
        :param reason: what happened, for the line at DEBUG.
        """
        logger.debug("cutting off a client: %s%s", identifier, f": {reason}" if reason else "")
        self.server.refusals.note(identifier, client_address(None, self.environ), self.server.clock)

    def _is_delivering(self) -> bool:
        """Return whether the client has yet to receive something that the end of the connection would drop.

        While lingering, that includes what the system holds: it drops it if the client sends on.
        """
        if held_size(self.transport):
            return True
        return self.phase is LINGERING and bool(queued_size(self.transport))

    def expire(self) -> None:
        """Act on :attr:`deadline`: close the connection, or cut it off if it does not close in time."""
        if self.phase is CLOSED:
            self._close_secure()
        elif self._is_delivering():
            # Progress decides.
            self.deadline = self.server.clock + self.limits.linger_timeout
            if self._stalled_since is NEVER:
                self.watch_progress()
        else:
            self.close()
