"""The transport of a tunnel: another protocol's bytes, carried as the content of one exchange.

It is for wires on which a tunnel is one of several exchanges, or which frame what it carries. HTTP/1 hands
its connection on instead.
"""

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Any, Final, Protocol

from ..faults import is_fault

EARLY_SIZE: Final = 64 * 1024
"""Bytes that may come before the tunnel is open; then the client has to wait. As much of a streamed body may
lie unread."""


class Carrier(Protocol):
    """What a tunnel needs of the exchange that carries it."""

    @property
    def owner(self) -> Any:
        """What the exchanges of one connection share."""

    def send_data(self, data: bytes) -> None:
        """Write bytes of the tunnel, at least one."""

    def send_end(self) -> None:
        """Say that no more come."""

    def reset(self) -> None:
        """Break it off."""

    def pause_client(self) -> None:
        """Have the client send no more for now."""

    def resume_client(self) -> None:
        """Let it go on."""

    def answered(self) -> None:
        """Go on after the tunnel."""

    def forget_tunnel(self) -> None:
        """Let go of it."""


class Tunnel(asyncio.Transport):
    """One tunnel, from the side of the protocol that goes on in it.

    It keeps the promises of asyncio's own transports. What is written goes out by
    :meth:`~.answer_writer.AnswerWriter.send_data` and :meth:`~.answer_writer.AnswerWriter.send_end`, and
    what comes in is given to :meth:`receive`. All is called in the event loop.

    :param exchange: what carries it.
    """

    def __init__(self, exchange: Carrier) -> None:
        super().__init__()
        self.has_ended = False
        """Whether the client has ended its side."""
        self.is_connected = False
        """Whether it has been opened; before that, it keeps what comes early."""
        self.source: object = exchange
        """For whom the exchange speaks of the client: for itself, or for a connection whose exchanges share
        one client's state."""
        self._exchange = exchange
        self._protocol: asyncio.Protocol | None = None
        self._inbox: deque[bytes | None] = deque()  # None: the end of the client's side
        self._waiting = 0  # bytes in the inbox
        self._is_reading = False
        self._is_held = False  # whether the client was made to wait
        self._pauses: set[object] = set()  # who has told the protocol to write no more
        self._has_written_eof = False
        self._is_closing = False

    # The exchange's calls

    def connect(self, protocol: asyncio.Protocol, source: object, pauses: Collection[object]) -> None:
        """Connect the protocol, and hand on what has come already.

        :param source: see :attr:`source`.
        :param pauses: for whom the client takes nothing now: see :meth:`pause_writing`.
        """
        self.source = source
        self._protocol = protocol
        self.is_connected = self._is_reading = True
        try:
            protocol.connection_made(self)
        except BaseException:
            self.abort()
            raise
        for pausing in pauses:
            self.pause_writing(pausing)
        self._read_on()

    def receive(self, data: bytes | None) -> None:
        """Take what the client sends; ``None``: it has ended its side."""
        if self._is_closing or self.has_ended:
            return
        if data is None:
            self.has_ended = True
        else:
            self._waiting += len(data)
        self._inbox.append(data)
        if self._is_reading:
            self._deliver()
        elif self._waiting > EARLY_SIZE:
            self._hold()

    def pause_writing(self, source: object) -> None:
        """Note that the client takes nothing more.

        :param source: the connection, or the exchange where the wire holds back each by itself: the protocol
            may write when neither does.
        """
        is_first = not self._pauses
        self._pauses.add(source)
        if is_first and self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self, source: object) -> None:
        """Note that the client has caught up, as far as ``source`` knows."""
        if source in self._pauses:
            self._pauses.remove(source)
            if not self._pauses and self._protocol is not None:
                self._protocol.resume_writing()

    def lose(self) -> None:
        """Note that the client is gone: nothing is written any more."""
        if not self._is_closing:
            self._end()

    def drop(self) -> None:
        """Drop what has come: the request was answered, and there is no tunnel."""
        self._is_closing = True
        self._inbox.clear()
        self._let_go()

    # asyncio.BaseTransport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport of the connection tells, but for its socket, which carries more."""
        transport = getattr(self._exchange.owner, "transport", None)
        if transport is None or name == "socket":
            return default
        return transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Return whether it closes, or is closed."""
        return self._is_closing

    def close(self) -> None:
        """Close after what was written; the protocol is told in the loop's next turn."""
        if not self._is_closing:
            self.write_eof()
            self._end()
            # What a client that waits sends yet is dropped: left unread, it would make the end a reset.
            self._let_go()
            self._exchange.answered()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol be called from now on."""
        self._protocol = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol; after its end, none is left."""
        return self._protocol  # type: ignore[return-value]

    # asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Return whether the protocol gets what comes."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Have the client wait, and keep what comes all the same."""
        if self.is_reading():
            self._is_reading = False
            self._hold()

    def resume_reading(self) -> None:
        """Let the client go on, and hand on what was kept, from the loop's next turn on."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._exchange.owner.loop.call_soon(self._read_on)

    # asyncio.WriteTransport

    def get_write_buffer_size(self) -> int:
        """Return how much the connection has yet to send, in bytes."""
        transport = getattr(self._exchange.owner, "transport", None)
        return 0 if transport is None else int(transport.get_write_buffer_size())

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send bytes; nothing is sent once it closes.

        :raises TypeError: if they are no bytes-like object.
        :raises RuntimeError: after :meth:`write_eof`.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._has_written_eof and not self._is_closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._is_closing:
            self._exchange.send_data(bytes(data))

    def can_write_eof(self) -> bool:
        """Return ``True``: the answer ends, and the client may go on."""
        return True

    def write_eof(self) -> None:
        """End this side; the client's goes on."""
        if not self._is_closing and not self._has_written_eof:
            self._has_written_eof = True
            self._exchange.send_end()

    def abort(self) -> None:
        """End at once; the client takes it for a failure."""
        if not self._is_closing:
            self._end()
            self._exchange.reset()
            self._exchange.answered()

    # The machinery

    def _hold(self) -> None:
        self._is_held = True
        self._exchange.pause_client()

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held = False
            self._exchange.resume_client()

    def _read_on(self) -> None:
        self._deliver()
        if self.is_reading():
            self._let_go()

    def _deliver(self) -> None:
        """Hand on what has come, as long as the protocol reads."""
        while self._inbox and self.is_reading():
            data = self._inbox.popleft()
            protocol: Any = self._protocol
            try:
                if data is not None:
                    self._waiting -= len(data)
                    protocol.data_received(data)
                elif not protocol.eof_received():
                    self.close()
            except BaseException as exc:
                if not is_fault(exc):
                    raise
                self._fail(exc, protocol)

    def _fail(self, exc: BaseException, protocol: asyncio.Protocol) -> None:
        """Do as asyncio's transports do where a protocol raises. The rest of the connection goes on."""
        self._exchange.owner.loop.call_exception_handler(
            {
                "message": "Fatal error: a tunnel's protocol failed.",
                "exception": exc,
                "transport": self,
                "protocol": protocol,
            }
        )
        self.abort()

    def _end(self) -> None:
        self._is_closing = True
        self._inbox.clear()
        self._exchange.owner.loop.call_soon(self._tell_end)

    def _tell_end(self) -> None:
        protocol: Any = self._protocol
        self._protocol = None
        self._exchange.forget_tunnel()
        protocol.connection_lost(None)
