"""A bounded pipe for bytes from a thread to the event loop.

The thread waits while the pipe is full, and learns when the reader is gone.
"""

import asyncio
import contextlib
from threading import Condition


class ReaderGoneError(BrokenPipeError):
    """Nobody reads from the pipe any more: the client is gone, or has all that it asked for."""


class Pipe:
    """Carries the pieces of one body.

    :param loop: the event loop that reads.
    :param size: bytes at which the thread starts to wait. The last piece may exceed it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        self._loop = loop
        self._limit = size
        self._changed = Condition()
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_ended = False
        self._error: BaseException | None = None
        self._is_abandoned = False
        self._reader: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Wait for room, and add a piece. Called in the thread.

        :raises ReaderGoneError: if nobody reads any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._size < self._limit or self._is_abandoned)
            if self._is_abandoned:
                raise ReaderGoneError("nobody reads the body any more")
            self._pieces.append(data)
            self._size += len(data)
            self._wake()

    def end(self, error: BaseException | None = None) -> bool:
        """Mark the end of the body, and return whether someone will read it.

        :param error: an exception for the reader to raise.
        """
        with self._changed:
            if self._is_ended or self._is_abandoned:
                return False
            self._is_ended = True
            self._error = error
            self._wake()
            return True

    async def read(self) -> bytes:
        """Return all available bytes, waiting if there are none. Return nothing at the end.

        :raises BaseException: the error that :meth:`end` was given.
        """
        while True:
            with self._changed:
                if self._pieces:
                    data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                    self._pieces.clear()
                    self._size = 0
                    self._changed.notify()
                    return data
                if self._is_ended:
                    error, self._error = self._error, None
                    if error is not None:
                        raise error
                    return b""
                self._reader = reader = self._loop.create_future()
            await reader

    def abandon(self) -> None:
        """Stop reading and drop the remaining bytes. Called in the loop."""
        with self._changed:
            self._is_abandoned = True
            self._pieces.clear()
            self._changed.notify()

    def _wake(self) -> None:
        """Wake the reader, if it waits."""
        reader, self._reader = self._reader, None
        if reader is not None:
            # The loop is closed, so there is no reader.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resume, reader)


class PipeBody:
    """The body of a response that is read from a pipe.

    :param pipe: a thread writes to its other end.
    """

    __slots__ = ("_pipe",)

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def __aiter__(self) -> "PipeBody":
        return self

    async def __anext__(self) -> bytes:
        data = await self._pipe.read()
        if not data:
            raise StopAsyncIteration
        return data

    def close(self) -> None:
        """Stop reading. Werkzeug calls this when the response is closed, whether it was sent or not."""
        self._pipe.abandon()


def _resume(reader: "asyncio.Future[None]") -> None:
    if not reader.done():
        reader.set_result(None)
