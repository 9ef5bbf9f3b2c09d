"""The transport of a tunnel: the bytes of another protocol, carried as the content of one exchange.

It is for wires that carry other exchanges beside a tunnel, or frame its data. HTTP/1 hands its connection to
the other protocol instead.
"""

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Any, Final, Protocol

from ..faults import is_fault

EARLY_SIZE: Final = 64 * 1024
"""Bytes that may arrive before the tunnel is open; above, the client has to wait. The same as for a streamed
body."""


class Carrier(Protocol):
    """The exchange that carries a tunnel, as the tunnel uses it."""

    @property
    def owner(self) -> Any:
        """The object that the exchanges of one connection share."""

    def send_data(self, data: bytes) -> None:
        """Write bytes of the tunnel, at least one."""

    def send_end(self) -> None:
        """Write the end of the tunnel's data."""

    def reset(self) -> None:
        """Break the tunnel off."""

    def pause_client(self) -> None:
        """Make the client pause."""

    def resume_client(self) -> None:
        """Let the client continue."""

    def answered(self) -> None:
        """Go on after the tunnel."""

    def forget_tunnel(self) -> None:
        """Drop the tunnel."""


class Tunnel(asyncio.Transport):
    """The transport of one tunnel, for the protocol that uses it.

    It behaves like asyncio's own transports. Data is written with
    :meth:`~.answer_writer.AnswerWriter.send_data` and :meth:`~.answer_writer.AnswerWriter.send_end`;
    :meth:`receive` takes received data. All methods are called in the event loop.

    :param exchange: the exchange that carries it.
    """

    def __init__(self, exchange: Carrier) -> None:
        super().__init__()
        self.has_ended = False
        """Whether the client has ended its side."""
        self.is_connected = False
        """Whether the tunnel is open; before, it keeps early data."""
        self.source: object = exchange
        """The source of this exchange's reports on flow control: the exchange itself, or the connection, if
        its exchanges share one client state."""
        self._exchange = exchange
        self._protocol: asyncio.Protocol | None = None
        self._inbox: deque[bytes | None] = deque()  # None marks the end of the client's side
        self._waiting = 0  # bytes in the inbox
        self._is_reading = False
        self._is_held = False  # whether the client is paused
        self._pauses: set[object] = set()  # sources that have paused writing
        self._has_written_eof = False
        self._is_closing = False

    # The exchange's calls

    def connect(self, protocol: asyncio.Protocol, source: object, pauses: Collection[object]) -> None:
        """Connect the protocol, and deliver early data.

        :param source: see :attr:`source`.
        :param pauses: sources that report the client as full now: see :meth:`pause_writing`.
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
        """Take the client's data; ``None`` if the client has ended its side."""
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
        """Note that the client takes no more for now.

        :param source: the connection; or the exchange, if the wire has flow control for each of them. The
            protocol may write when neither is paused.
        """
        is_first = not self._pauses
        self._pauses.add(source)
        if is_first and self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self, source: object) -> None:
        """Note that the client has caught up, as reported by ``source``."""
        if source in self._pauses:
            self._pauses.remove(source)
            if not self._pauses and self._protocol is not None:
                self._protocol.resume_writing()

    def lose(self) -> None:
        """Note that the client is gone: nothing more is written."""
        if not self._is_closing:
            self._end()

    def drop(self) -> None:
        """Drop the received data: the request was answered without a tunnel."""
        self._is_closing = True
        self._inbox.clear()
        self._let_go()

    # asyncio.BaseTransport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return extra information of the connection's transport, except its socket, which carries more."""
        transport = getattr(self._exchange.owner, "transport", None)
        if transport is None or name == "socket":
            return default
        return transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Return whether the tunnel is closing or closed."""
        return self._is_closing

    def close(self) -> None:
        """Close after the written data; the protocol is told in the loop's next turn."""
        if not self._is_closing:
            self.write_eof()
            self._end()
            # Resume a paused client: its data is dropped, but left unread it would turn the end into a reset.
            self._let_go()
            self._exchange.answered()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Switch to another protocol object."""
        self._protocol = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol; ``None`` after its end."""
        return self._protocol  # type: ignore[return-value]

    # asyncio.ReadTransport

    def is_reading(self) -> bool:
        """Return whether the protocol gets data as it arrives."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Make the client pause, and keep data that still arrives."""
        if self.is_reading():
            self._is_reading = False
            self._hold()

    def resume_reading(self) -> None:
        """Let the client continue, and deliver kept data from the loop's next turn on."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._exchange.owner.loop.call_soon(self._read_on)

    # asyncio.WriteTransport

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the connection has yet to send."""
        transport = getattr(self._exchange.owner, "transport", None)
        return 0 if transport is None else int(transport.get_write_buffer_size())

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send bytes; once the tunnel closes, drop them.

        :raises TypeError: if ``data`` is not a bytes-like object.
        :raises RuntimeError: after :meth:`write_eof`.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._has_written_eof and not self._is_closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._is_closing:
            self._exchange.send_data(bytes(data))

    def can_write_eof(self) -> bool:
        """Return ``True``: our side can end while the client's stays open."""
        return True

    def write_eof(self) -> None:
        """End our side; the client's stays open."""
        if not self._is_closing and not self._has_written_eof:
            self._has_written_eof = True
            self._exchange.send_end()

    def abort(self) -> None:
        """End at once, so that the client sees a failure."""
        if not self._is_closing:
            self._end()
            self._exchange.reset()
            self._exchange.answered()

    # Internals

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
        """Deliver received data as long as the protocol reads."""
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
        """Report an exception of the protocol as asyncio's transports do. The connection goes on."""
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
