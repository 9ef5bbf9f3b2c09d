"""A client that does with its connection what it likes, and notes what the server says to that."""

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from benchmarks.http2 import frames
from benchmarks.running import HOST

PATIENCE: Final = 60
"""Seconds until what is waited for must have come."""

LAST: Final = (1 << 31) - 1
"""The largest number of a stream."""


class Offender(asyncio.Protocol):
    """One connection.

    :ivar counts: how many frames of each type have come.
    :ivar resets: the error code of each stream that was reset.
    :ivar goaway: the error code of the last GOAWAY, or ``None``.
    :ivar last_stream: the stream up to which the server acts on streams, by its last GOAWAY.
    :ivar ended_streams: those that the server has ended in good order.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.resets: dict[int, int] = {}
        self.ended_streams: set[int] = set()
        self.goaway: int | None = None
        self.last_stream = LAST
        self.ended = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()
        self._changed = asyncio.Event()
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take frames apart."""
        self._unread += data
        position = 0
        while len(self._unread) - position >= 9:
            size = int.from_bytes(self._unread[position : position + 3])
            if len(self._unread) - position < 9 + size:
                break
            kind, flags, stream = struct.unpack_from(">BBI", self._unread, position + 3)
            self.note(kind, flags, stream, bytes(self._unread[position + 9 : position + 9 + size]))
            position += 9 + size
        del self._unread[:position]
        self._changed.set()

    def note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Note a frame."""
        self.counts[kind] += 1
        if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
            self.ended_streams.add(stream)
        elif kind == frames.RST_STREAM:
            [self.resets[stream]] = struct.unpack(">I", payload)
        elif kind == frames.GOAWAY:
            self.last_stream, self.goaway = struct.unpack_from(">II", payload)
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self.send(frames.frame(frames.SETTINGS, frames.ACK))
        elif kind == frames.PING and not flags & frames.ACK:
            self.send(frames.frame(frames.PING, frames.ACK, payload=payload))

    def pause_writing(self) -> None:
        """Wait until the server has read some."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._writable.set()
        self._changed.set()
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def is_gone(self) -> bool:
        """Whether the server has sent it away, or the connection has ended."""
        return self.ended.done() or self.goaway not in (None, frames.NO_ERROR)

    def send(self, data: bytes) -> None:
        """Send, if there is somebody to send to."""
        if not self.ended.done():
            self.transport.write(data)

    async def push(self, data: bytes) -> None:
        """Send, and wait until as much was taken as a client may hold."""
        self.send(data)
        # What was received is looked at in between, however fast it can be sent.
        await asyncio.sleep(0)
        await self._writable.wait()

    def is_done(self, stream: int) -> bool:
        """Whether nothing more is to come on a stream."""
        return stream in self.ended_streams or stream in self.resets or stream > self.last_stream

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something that the server does holds, or the connection has ended.

        :raises TimeoutError: if that does not come about.
        """
        async with asyncio.timeout(PATIENCE):
            while not self.ended.done() and not condition():
                self._changed.clear()
                await self._changed.wait()

    async def end(self) -> None:
        """Wait until the server has closed the connection.

        :raises TimeoutError: if it does not.
        """
        async with asyncio.timeout(PATIENCE):
            await self.ended

    def abort(self) -> None:
        """Close, whatever is under way."""
        if not self.ended.done():
            self.transport.abort()


class Keeping(Offender):
    """One that keeps what it is answered, as long as that is small."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[int, bytes] = {}

    def note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Keep content."""
        if kind == frames.DATA:
            self.bodies[stream] = self.bodies.get(stream, b"") + payload
        super().note(kind, flags, stream, payload)


Kind = TypeVar("Kind", bound=Offender)


@contextlib.asynccontextmanager
async def connected(kind: type[Kind], port: int, values: dict[int, int] | None = None) -> AsyncIterator[Kind]:
    """Connect, and send the preface and settings; the connection is closed at the block's end."""
    _, found = await asyncio.get_running_loop().create_connection(kind, HOST, port)
    try:
        found.send(frames.PREFACE + frames.settings(values))
        yield found
    finally:
        found.abort()
        await found.ended
