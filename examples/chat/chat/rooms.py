"""The rooms: their visitors, and sending messages to them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakValueDictionary

from kyoukai.websocket import WebSocket, broadcast

from .history import History

MAX_PEOPLE = 200
"""Visitors of one room. Everyone is told of each arrival and departure."""

TRY_AGAIN_LATER = 1013


class RoomFull(Exception):
    """The room has as many visitors as it can."""


class Room:
    """One room.

    :param name: its key in the history.
    """

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        self._history = history
        self._people: dict[WebSocket, str] = {}
        # Serializes messages and arrivals, so that nobody misses a message or gets it twice. Only the history
        # is awaited under the lock: a slow client holds up nobody.
        self._turn = asyncio.Lock()

    async def enter(self, ws: WebSocket, name: str, after: int) -> None:
        """Send a visitor the messages after one, and add them to the room.

        :raises RoomFull: if the room is full.
        """
        while True:
            async with self._turn:
                messages = await self._history.read(self.name, after)
                if not messages:
                    if len(self._people) >= MAX_PEOPLE:
                        raise RoomFull
                    self._people[ws] = name
                    break
            # More messages may arrive while these are sent.
            await ws.send_json({"type": "messages", "messages": [one._asdict() for one in messages]})
            after = messages[-1].id
        await self._tell_who_is_here()

    async def leave(self, ws: WebSocket) -> None:
        """Remove a visitor, if they are in the room."""
        if self._people.pop(ws, None) is not None:
            await self._tell_who_is_here()

    async def say(self, name: str, text: str) -> None:
        """Store a message, and send it to everyone in the room."""
        async with self._turn:
            message = await self._history.add(self.name, name, text)
            await self._tell({"type": "messages", "messages": [message._asdict()]})

    async def _tell_who_is_here(self) -> None:
        # A set: some visitors have two windows open.
        await self._tell({"type": "people", "names": sorted(set(self._people.values()), key=str.casefold)})

    async def _tell(self, value: dict[str, Any]) -> None:
        for slow in broadcast(self._people, json.dumps(value)):
            # Waiting for a slow client would delay everyone; buffering its messages would fill the memory.
            # Its page reconnects and gets what it missed. close() does not wait.
            await slow.close(TRY_AGAIN_LATER, "You read too slowly.")


class Rooms:
    """All rooms. A room exists while it has visitors."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def enter(self, room_name: str, ws: WebSocket, name: str, after: int = 0) -> AsyncIterator[Room]:
        """Stay in a room while the block runs.

        :param after: the number of the last message that the visitor has seen.
        :raises RoomFull: if the room is full.
        """
        room = self._rooms.get(room_name)
        if room is None:
            room = self._rooms[room_name] = Room(room_name, self._history)
        try:
            await room.enter(ws, name, after)
            yield room
        finally:
            await room.leave(ws)
