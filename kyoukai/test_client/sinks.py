"""What takes an answer in the place of a connection: all of it, or as it comes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from werkzeug.datastructures import Headers

ROOM: Final = 64 * 1024
"""Bytes that a body may be ahead of who looks at it, as with a transport of asyncio."""


class Sink:
    """Takes an answer whole. To what sends a body, it is a connection and its exchange in one."""

    client_gone = False
    is_secure = False

    def __init__(self) -> None:
        self.transport = asyncio.BaseTransport()
        self.status = ""
        self.headers = Headers()
        self.data = bytearray()
        self.sent = 0

    @property
    def is_paused(self) -> bool:
        """Whether the next piece has to wait."""
        return False

    def begin(self, status: str, headers: Headers) -> None:
        """Take the head."""
        self.status, self.headers = status, headers

    def raw_write(self, data: bytes) -> None:
        """Take a piece of the body."""
        self.data += data

    async def drain(self) -> bool:
        """Return that nothing was waited for."""
        return False


class StreamSink(Sink):
    """Takes an answer as it comes, and lets the body wait for who looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the head is there."""
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._waiting = 0
        """Bytes in the queue."""
        self._room = asyncio.Event()

    @property
    def is_paused(self) -> bool:
        """Whether the next piece has to wait."""
        return self._waiting >= ROOM

    def begin(self, status: str, headers: Headers) -> None:
        """Take the head."""
        super().begin(status, headers)
        self.begun.set_result(None)

    def raw_write(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._waiting += len(data)
        self._queue.put_nowait(data)

    async def drain(self) -> bool:
        """Wait until there is room, and return whether there was none."""
        waited = False
        while self.is_paused:
            self._room.clear()
            await self._room.wait()
            waited = True
        return waited

    async def pieces(self, task: "asyncio.Task[None]") -> AsyncIterator[bytes]:
        """Yield the pieces of the body.

        :param task: what makes them; what it raises is raised.
        """
        task.add_done_callback(lambda _: self._queue.put_nowait(None))
        while (piece := await self._queue.get()) is not None:
            self._waiting -= len(piece)
            self._room.set()
            yield piece
        task.result()
