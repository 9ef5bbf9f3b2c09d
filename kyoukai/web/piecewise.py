"""A response body that another task of the same event loop supplies piece by piece."""

import asyncio
from collections.abc import Callable


class Pieces:
    """An async iterator over the supplied pieces.

    :param make_room: called when all pieces have been taken.
    :param abandon: called when it is closed before all pieces have been taken.
    """

    __slots__ = ("_abandon", "_error", "_is_ended", "_is_taken", "_make_room", "_pieces", "_waiter", "size")

    def __init__(self, make_room: Callable[[], None], abandon: Callable[[], None]) -> None:
        self._make_room = make_room
        self._abandon = abandon
        self._pieces: list[bytes] = []
        self.size = 0
        """Bytes in the queue."""
        self._is_ended = False
        self._is_taken = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, data: bytes) -> None:
        """Supply a piece. After the end it is dropped."""
        if data and not self._is_ended:
            self._pieces.append(data)
            self.size += len(data)
            self._wake()

    def end(self, error: BaseException | None = None) -> bool:
        """Mark the end for the reader; return whether it was not marked before.

        :param error: the exception that the reader raises.
        """
        if self._is_ended:
            return False
        self._is_ended, self._error = True, error
        self._wake()
        return True

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._is_ended:
                error, self._error = self._error, None
                self._is_taken = True
                raise StopAsyncIteration if error is None else error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        self._make_room()
        return data

    def close(self) -> None:
        """Accept no more. Werkzeug calls this when the response is closed, sent or not."""
        is_taken = self._is_taken or (self._is_ended and self._error is None and not self._pieces)
        self._is_ended = self._is_taken = True
        self._pieces.clear()
        if not is_taken:
            self._abandon()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
