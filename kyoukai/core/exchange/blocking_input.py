"""A request's body as a file, for a thread that is not the event loop's: what ``wsgi.input`` has."""

import asyncio
import io
from queue import SimpleQueue
from typing import Any, Final

from kyoukai.private_names import running_loop

from .body_stream import BodyStream

INPUT_SIZE: Final = 64 * 1024
"""Bytes of the buffer that small readings are made from."""

Taken = tuple[bytes, BaseException | None]


class BlockingInput(io.RawIOBase):
    """A stream as a file. One thread reads it at a time.

    All that the stream has is taken at once: to wait for the loop costs more than a piece does.

    :param stream: what it reads.
    :param loop: where the stream is read.
    """

    def __init__(self, stream: BodyStream, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._taken: SimpleQueue[Taken] = SimpleQueue()
        self._left = memoryview(b"")
        self.waiting: asyncio.Task[bytes] | None = None
        """What waits in the loop for the thread, while there is nothing to be read."""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer``, and return how many bytes; none at the end.

        :raises RuntimeError: in the event loop, which would stand still.
        :raises Exception: what the stream failed with.
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
            error = None  # Its traceback leads back to here: a cycle.

    def _give(self) -> None:
        """Let the thread have what the stream has, now or when there is something; in the loop."""
        try:
            piece = self._stream.take()
        except Exception as exc:
            self._taken.put((b"", exc))
            return
        if piece or self._stream.is_exhausted:
            self._taken.put((piece, None))
        else:
            self.waiting = waiting = self._loop.create_task(self._next())
            # It is called, too, where the loop ends before the task has begun.
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
    """Return a file that a thread can read a stream by. It is called in the event loop."""
    return io.BufferedReader(BlockingInput(stream, asyncio.get_running_loop()), INPUT_SIZE)
