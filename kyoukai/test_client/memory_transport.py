"""A pair of transports in memory: each receives what is written to the other.

They behave like the two ends of a TCP connection. Bytes arrive in pieces, in a later iteration of the event
loop. A limited number of bytes is in flight; beyond it the writer is paused. Each side ends by itself. An end
that closes before it has read everything, or is written to after its close, resets the other.
"""

import asyncio
from typing import Any, Final

PIECE_SIZE: Final = 64 * 1024
"""The most bytes delivered to a protocol at once."""

WAY_SIZE: Final = 64 * 1024
"""The most bytes in flight; the kernel's buffers of a TCP connection."""

HIGH: Final = 64 * 1024
"""The most bytes that wait to get in flight before the writer is paused: asyncio's default."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory. :func:`connect` makes a pair."""

    _peer: "MemoryTransport"

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: Any = protocol
        self._received = bytearray()
        """Bytes that the peer has written and the protocol has not received."""
        self._has_peer_ended = False
        """Whether the peer has ended its side."""
        self._is_end_told = False
        self._is_due = False
        """Whether a delivery is scheduled."""
        self._is_reading = True
        self._is_closing = False
        self._is_lost = False
        """Whether nothing arrives here or leaves from here any more."""
        self._has_ended = False
        """Whether this side has ended."""
        self._is_paused = False
        """Whether the protocol was told to pause writing."""
        self._low, self._high = HIGH // 4, HIGH

    # For the protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that receives the bytes."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol that receives the bytes."""
        self._protocol = protocol

    def is_closing(self) -> bool:
        """Return whether it is closed, or closes once everything written is in flight."""
        return self._is_closing

    # Reading

    def is_reading(self) -> bool:
        """Return whether the protocol receives bytes."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Deliver nothing until :meth:`resume_reading`."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Deliver bytes again."""
        self._is_reading = True
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Deliver one piece, or the end, to the protocol."""
        self._is_due = False
        if not self._is_reading or self._is_closing:
            return
        if self._received:
            piece = bytes(self._received[:PIECE_SIZE])
            del self._received[:PIECE_SIZE]
            self._protocol.data_received(piece)
            self._peer._note_room()
            self._schedule()
        elif self._has_peer_ended and not self._is_end_told:
            self._is_end_told = True
            if not self._protocol.eof_received():
                self.close()

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes. A closing transport discards them."""
        if self._has_ended:
            raise RuntimeError("cannot write after write_eof")
        if self._is_closing or not data:
            return
        if self._peer._is_lost:
            self._cut_off(ConnectionResetError("the other side is closed"))
            return
        self._peer._received += data
        self._peer._schedule()
        if not self._is_paused and self.get_write_buffer_size() > self._high:
            self._is_paused = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """Return true: each side ends by itself."""
        return True

    def write_eof(self) -> None:
        """End this side; the other side may continue."""
        if not (self._has_ended or self._is_closing):
            self._has_ended = True
            self._end_peer()

    def get_write_buffer_size(self) -> int:
        """Return the number of written bytes that are not in flight yet."""
        return 0 if self._is_lost else max(0, len(self._peer._received) - WAY_SIZE)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the sizes at which the protocol resumes and pauses."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the sizes at which the protocol pauses and resumes; by default ``low`` is ``high`` / 4."""
        self._high = HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def _note_room(self) -> None:
        """Resume the protocol or close, as the peer has received something."""
        size = self.get_write_buffer_size()
        if self._is_paused and size <= self._low:
            self._is_paused = False
            self._protocol.resume_writing()
        if self._is_closing and not size:
            self._lose(None)

    def _end_peer(self) -> None:
        self._peer._has_peer_ended = True
        self._peer._schedule()

    # Closing

    def close(self) -> None:
        """Close once everything written is in flight."""
        if self._is_closing:
            return
        self._is_closing = True
        if not self.get_write_buffer_size():
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Reset the connection at once: the peer loses bytes in flight too."""
        if not self._is_lost:
            self._cut_off(None)
            self._peer._cut_off(ConnectionResetError("the connection was reset"))

    def _cut_off(self, exc: Exception | None) -> None:
        """Close at once, and drop received bytes."""
        self._received.clear()
        self._is_closing = True
        self._loop.call_soon(self._lose, exc)

    def _lose(self, exc: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._protocol.connection_lost(exc)
        if self._received and not self._peer._is_lost:
            # As the kernel does when a socket is closed with unread bytes.
            self._peer._cut_off(ConnectionResetError("the other side has not read everything"))
        else:
            self._end_peer()


def connect(one: asyncio.BaseProtocol, other: asyncio.BaseProtocol) -> None:
    """Connect two protocols by a pair of transports."""
    loop = asyncio.get_running_loop()
    first, second = MemoryTransport(loop, one), MemoryTransport(loop, other)
    first._peer, second._peer = second, first
    one.connection_made(first)
    other.connection_made(second)
