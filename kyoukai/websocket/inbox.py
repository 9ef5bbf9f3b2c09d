"""Messages that a client has sent, and that its handler has yet to ask for."""

import asyncio
from collections import deque
from typing import NamedTuple


class Last(NamedTuple):
    """What a client has sent last of all: a close, or what breaks the protocol."""

    code: int
    """What the WebSocket is closed with."""
    reason: str
    reply: int | None
    """The code that the close has which answers it; ``None``: none."""
    reply_reason: str


class Inbox:
    """The messages of one WebSocket, in their order.

    :param limit: with so many bytes, or characters, it is full; one message is always taken.
    """

    __slots__ = ("_first", "_limit", "_others", "_size", "_taker", "is_answering", "was_told")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._first: str | bytes | None = None
        self._others: deque[str | bytes] | None = None
        """Those behind the first. Most wait alone, and a deque has 64 places from the beginning."""
        self._size = 0
        self._taker: asyncio.Future[None] | None = None
        self.was_told = False
        """Whether who takes them has been told that none comes any more."""
        self.is_answering = False
        """Whether one has been taken, and none been asked for since: its answer may be to come."""

    def __bool__(self) -> bool:
        return self._first is not None

    @property
    def is_full(self) -> bool:
        """Whether no more is to be read for now."""
        return self._size >= self._limit and self._first is not None

    def put(self, message: str | bytes) -> None:
        """Add a message, and let whoever waits for it go on."""
        if self._first is None:
            self._first = message
        elif self._others is None:
            self._others = deque((message,))
        else:
            self._others.append(message)
        self._size += len(message)
        self.wake()

    def take(self) -> str | bytes:
        """Return the first message.

        :raises IndexError: if there is none.
        """
        message, others = self._first, self._others
        if message is None:
            raise IndexError("no message waits")
        if others is None:
            self._first = None
        else:
            self._first = others.popleft()
            if not others:
                self._others = None
        self._size -= len(message)
        self.is_answering = True
        return message

    def clear(self) -> None:
        """Forget all messages."""
        self._first = self._others = None
        self._size = 0

    def wake(self) -> None:
        """Let whoever waits go on."""
        taker, self._taker = self._taker, None
        if taker is not None and not taker.done():
            taker.set_result(None)

    async def wait(self) -> None:
        """Wait for a message, or the end. One waits at a time.

        :raises RuntimeError: if another waits already.
        """
        if self._taker is not None and not self._taker.done():
            raise RuntimeError("another task waits for a message of this WebSocket already")
        self._taker = asyncio.get_running_loop().create_future()
        await self._taker
