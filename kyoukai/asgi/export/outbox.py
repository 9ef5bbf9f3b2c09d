"""Events on their way to an ASGI server: the writing side of an exchange does not wait, and ``send`` does."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

Event = MutableMapping[str, Any]
Send = Callable[[Event], Awaitable[None]]

HIGH_WATER: Final = 64 * 1024
"""Bytes that may wait for the server to take them: with so many, the application waits. asyncio's."""


class Flow(Protocol):
    """What is told whether the server keeps up."""

    def pause_writing(self) -> None:
        """Note that it does not."""

    def resume_writing(self) -> None:
        """Note that it has caught up."""


class Outbox:
    """What one answer has yet to be sent, in order.

    :param flow: what fills it.
    """

    __slots__ = ("_flow", "_is_dropped", "_is_full", "_size", "_waiter", "events", "in_hand", "is_closed")

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._is_dropped = self._is_full = False
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.events: deque[Event] = deque()
        """What the server has not been given yet."""
        self.is_closed = False
        """Whether nothing follows."""
        self.in_hand: Event | None = None
        """What the server has been given, and has not taken yet."""

    def put(self, event: Event, size: int = 0) -> None:
        """Add an event. Nothing is added for a client that is gone.

        :param size: bytes of content in it.
        """
        if self._is_dropped:
            return
        self.events.append(event)
        if size:
            self._size += size
            if self._size >= HIGH_WATER and not self._is_full:
                self._is_full = True
                self._flow.pause_writing()
        self._wake()

    def close(self) -> None:
        """Note that nothing follows."""
        self.is_closed = True
        self._wake()

    def drop(self) -> None:
        """Forget what has not been sent, and take no more: the client is gone."""
        self._is_dropped = True
        self.events.clear()
        self._size = 0

    async def deliver(self, send: Send) -> None:
        """Give the server all events, and return when it has the last of them.

        :raises BaseException: what ``send`` raises.
        """
        events = self.events
        while True:
            while events:
                self.in_hand = event = events.popleft()
                try:
                    await send(event)
                finally:
                    self.in_hand = None
                if not events:
                    self._size = 0
                    if self._is_full:
                        self._is_full = False
                        self._flow.resume_writing()
            if self.is_closed:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
