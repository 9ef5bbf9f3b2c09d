"""The received messages that a handler has not asked for yet."""

import asyncio
from collections import deque
from typing import Final, NamedTuple

TIME_TO_ANSWER: Final = 2.0
"""Seconds for the handler to answer the messages before a client's close or violation.

The server's clock may be a second behind, and then the handler has one.
"""


class Last(NamedTuple):
    """The end of a client's input: a close, or a violation of the protocol."""

    code: int
    """The code that the WebSocket is closed with."""
    reason: str
    reply: int | None
    """The code of the close that answers it; ``None``: no code."""
    reply_reason: str
    until: float
    """When it is answered at the latest, whatever the handler has answered of the messages before it."""


class Inbox:
    """The waiting messages of one WebSocket, in order.

    :param limit: the number of bytes, or characters, at which it is full; one message always fits.
    """

    __slots__ = ("_first", "_limit", "_others", "_size", "_taker", "is_answering", "was_told")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._first: str | bytes | None = None
        self._others: deque[str | bytes] | None = None
        """Messages after the first. Usually one waits alone, and a deque allocates 64 places at once."""
        self._size = 0
        self._taker: asyncio.Future[None] | None = None
        self.was_told = False
        """Whether the receiver was told that no more messages can arrive."""
        self.is_answering = False
        """Whether a message was taken, and the next not asked for: its answer may still follow."""

    def __bool__(self) -> bool:
        return self._first is not None

    @property
    def is_full(self) -> bool:
        """Whether reading must pause."""
        return self._size >= self._limit and self._first is not None

    def put(self, message: str | bytes) -> None:
        """Add a message, and wake the receiver."""
        if self._first is None:
            self._first = message
        elif self._others is None:
            self._others = deque((message,))
        else:
            self._others.append(message)
        self._size += len(message)
        self.wake()

    def take(self) -> str | bytes:
        """Remove and return the first message.

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
        """Drop all messages."""
        self._first = self._others = None
        self._size = 0

    def wake(self) -> None:
        """Wake the receiver."""
        taker, self._taker = self._taker, None
        if taker is not None and not taker.done():
            taker.set_result(None)

    async def wait(self) -> None:
        """Wait for a message or the end. Only one task may wait.

        :raises RuntimeError: if another task waits.
        """
        if self._taker is not None and not self._taker.done():
            raise RuntimeError("another task waits for a message of this WebSocket already")
        self._taker = asyncio.get_running_loop().create_future()
        await self._taker
