"""Two transports in memory: what is written to one is received by the other.

They behave as those of a TCP connection do: bytes arrive in pieces, in a later turn of the loop; some are on
their way without a reader, and then the writer is paused; each side ends by itself; and who closes before it
has read everything, or is written to afterwards, resets the other.
"""

import asyncio
from typing import Any, Final

PIECE_SIZE: Final = 64 * 1024
"""Bytes that a protocol is given at once, at most."""

WAY_SIZE: Final = 64 * 1024
"""Bytes that are on their way, at most; a TCP connection has the system's buffers for them."""

HIGH: Final = 64 * 1024
"""Bytes that wait to get on their way before the writer is paused, as asyncio has it."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection in memory. :func:`connect` makes two."""

    _peer: "MemoryTransport"

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: Any = protocol
        self._received = bytearray()
        """What the peer has written, and the protocol has yet to get."""
        self._has_peer_ended = False
        """Whether the peer writes no more."""
        self._is_end_told = False
        self._is_due = False
        """Whether a turn of the loop is to deliver."""
        self._is_reading = True
        self._is_closing = False
        self._is_lost = False
        """Whether nothing arrives here, or leaves from here, any more."""
        self._has_ended = False
        """Whether this side writes no more."""
        self._is_paused = False
        """Whether the protocol has been told to pause."""
        self._low, self._high = HIGH // 4, HIGH

    # What a protocol asks

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return what takes the bytes."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol take the bytes."""
        self._protocol = protocol

    def is_closing(self) -> bool:
        """Return whether it is closed, or will be when what was written has gone."""
        return self._is_closing

    # Reading

    def is_reading(self) -> bool:
        """Return whether the protocol takes bytes."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Deliver nothing for now."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Deliver what has come, and what comes."""
        self._is_reading = True
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Give the protocol one piece, or the end."""
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
        """Send bytes. On a transport that closes they are discarded."""
        if self._has_ended:
            raise RuntimeError("it has ended: nothing can be written behind write_eof")
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
        """Send the end; the other side may go on."""
        if not (self._has_ended or self._is_closing):
            self._has_ended = True
            self._end_peer()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have been written that are not on their way yet."""
        return 0 if self._is_lost else max(0, len(self._peer._received) - WAY_SIZE)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return with how many bytes the protocol may go on, and with how many it is paused."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set with how many bytes the protocol is paused, and may go on: a quarter of them by default."""
        self._high = HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def _note_room(self) -> None:
        """Note that the other side has got something."""
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
        """Close, once what was written is on its way."""
        if self._is_closing:
            return
        self._is_closing = True
        if not self.get_write_buffer_size():
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Close at once, by a reset: the other side loses what is on its way to it, too."""
        if not self._is_lost:
            self._cut_off(None)
            self._peer._cut_off(ConnectionResetError("the connection was reset"))

    def _cut_off(self, exc: Exception | None) -> None:
        """Close at once, and forget what was to be received."""
        self._received.clear()
        self._is_closing = True
        self._loop.call_soon(self._lose, exc)

    def _lose(self, exc: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._protocol.connection_lost(exc)
        if self._received and not self._peer._is_lost:
            # As a system does with a socket that is closed before all has been read.
            self._peer._cut_off(ConnectionResetError("the other side has not read everything"))
        else:
            self._end_peer()


def connect(one: asyncio.BaseProtocol, other: asyncio.BaseProtocol) -> None:
    """Connect two protocols with each other, by transports that each is told of."""
    loop = asyncio.get_running_loop()
    first, second = MemoryTransport(loop, one), MemoryTransport(loop, other)
    first._peer, second._peer = second, first
    one.connection_made(first)
    other.connection_made(second)
