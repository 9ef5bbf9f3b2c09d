"""A queue of events for an ASGI server. The writing side of an exchange does not wait, but ``send`` does."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

Event = MutableMapping[str, Any]
Send = Callable[[Event], Awaitable[None]]

HIGH_WATER: Final = 64 * 1024
"""Bytes in the queue at which the application has to wait. The value is asyncio's default."""


class Flow(Protocol):
    """The object to tell whether the server keeps up."""

    def pause_writing(self) -> None:
        """Note that the server does not keep up."""

    def resume_writing(self) -> None:
        """Note that the server has caught up."""


class Outbox:
    """The events of one answer, in order, that are not sent yet.

    :param flow: the writer.
    """

    __slots__ = ("_flow", "_is_dropped", "_is_full", "_size", "_waiter", "events", "in_hand", "is_closed")

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._is_dropped = self._is_full = False
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.events: deque[Event] = deque()
        """Bytes that the server has not been given yet."""
        self.is_closed = False
        """Whether the queue is closed."""
        self.in_hand: Event | None = None
        """Bytes that the server has been given and has not accepted yet."""

    def put(self, event: Event, size: int = 0) -> None:
        """Add an event, unless the client is gone.

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
        """Close the queue: no event follows."""
        self.is_closed = True
        self._wake()

    def drop(self) -> None:
        """Drop unsent events and accept no more, because the client is gone."""
        self._is_dropped = True
        self.events.clear()
        self._size = 0

    async def deliver(self, send: Send) -> None:
        """Send all events, and return when the server has accepted the last one.

        :raises BaseException: an exception of ``send``.
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
