"""A request's body as a file for a thread: ``wsgi.input`` of a plain handler."""

import asyncio
import io
from queue import SimpleQueue
from typing import Any, Final

from kyoukai.private_names import running_loop

from .body_stream import BodyStream

INPUT_SIZE: Final = 64 * 1024
"""Bytes of the buffer that serves small reads."""

Taken = tuple[bytes, BaseException | None]


class BlockingInput(io.RawIOBase):
    """A stream as a file. One thread reads it at a time.

    Each read takes everything that the stream has: a switch to the event loop costs more than a piece.

    :param stream: the stream to read.
    :param loop: the event loop of the stream.
    """

    def __init__(self, stream: BodyStream, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._taken: SimpleQueue[Taken] = SimpleQueue()
        self._left = memoryview(b"")
        self.waiting: asyncio.Task[bytes] | None = None
        """The task that waits in the loop for data, while the thread waits for it."""

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer``, and return the number of bytes; 0 at the end.

        :raises RuntimeError: in the event loop, which would block.
        :raises Exception: why the stream failed.
        """
        if running_loop() is not None:
            self._stream.check()
            raise RuntimeError(
                "this route streams its request's body, and an event loop cannot wait for it here: read it by"
                " `async for chunk in ctx.stream()`, or make the handler a plain function"
            )
        if not self._left:
            self._left = memoryview(self._wait())
        size = min(len(self._left), len(buffer))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _wait(self) -> bytes:
        """Return what the stream has, once it has something; nothing at its end."""
        self._loop.call_soon_threadsafe(self._give)
        piece, error = self._taken.get()
        try:
            if error is not None:
                raise error
            return piece
        finally:
            error = None  # Its traceback refers to this frame: a cycle.

    def _give(self) -> None:
        """Give the thread what the stream has, at once or when there is something. Called in the loop."""
        try:
            piece = self._stream.take()
        except Exception as exc:
            self._taken.put((b"", exc))
            return
        if piece or self._stream.is_exhausted:
            self._taken.put((piece, None))
        else:
            self.waiting = waiting = self._loop.create_task(self._next())
            # The callback also runs if the loop ends before the task has begun.
            waiting.add_done_callback(self._give_next)

    async def _next(self) -> bytes:
        return await anext(self._stream, b"")

    def _give_next(self, waiting: "asyncio.Task[bytes]") -> None:
        self.waiting = None
        if waiting.cancelled():
            self._taken.put((b"", ConnectionAbortedError("the event loop has ended")))
            return
        error = waiting.exception()
        self._taken.put((b"" if error is not None else waiting.result(), error))


def make_input(stream: BodyStream) -> io.BufferedReader:
    """Return a file through which a thread reads a stream. Called in the event loop."""
    return io.BufferedReader(BlockingInput(stream, asyncio.get_running_loop()), INPUT_SIZE)
