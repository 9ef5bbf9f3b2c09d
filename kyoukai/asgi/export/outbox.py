"""Events on their way to an ASGI server: the writing side of an exchange does not wait, and ``send`` does."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from kyoukai.core.exchange.client_state import ClientState

Event = MutableMapping[str, Any]
Send = Callable[[Event], Awaitable[None]]

HIGH_WATER: Final = 64 * 1024
"""Bytes that may wait for the server to take them: with so many, the application waits. asyncio's."""


class Outbox:
    """What one answer has yet to be sent, in order.

    :param client: whether it keeps up, which is changed here.
    """

    __slots__ = ("_client", "_size", "_waiter", "events", "in_hand", "is_closed")

    def __init__(self, client: ClientState) -> None:
        self._client = client
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
        client = self._client
        if client.is_gone:
            return
        self.events.append(event)
        if size:
            self._size += size
            if self._size >= HIGH_WATER and not client.is_paused:
                client.pause()
        self._wake()

    def close(self) -> None:
        """Note that nothing follows."""
        self.is_closed = True
        self._wake()

    def drop(self) -> None:
        """Forget what has not been sent: the client is gone."""
        self.events.clear()
        self._size = 0

    async def deliver(self, send: Send) -> None:
        """Give the server all events, and return when it has the last of them.

        :raises BaseException: what ``send`` raises.
        """
        events, client = self.events, self._client
        while True:
            while events:
                self.in_hand = event = events.popleft()
                try:
                    await send(event)
                finally:
                    self.in_hand = None
                if not events:
                    self._size = 0
                    if client.is_paused:
                        client.resume()
            if self.is_closed:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
