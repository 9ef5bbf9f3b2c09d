"""The rooms: who is there, and what is said."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakValueDictionary

from kyoukai.websocket import WebSocket, broadcast

from .history import History

MAX_PEOPLE = 200
"""In one room: each who comes or goes is told to all."""

TRY_AGAIN_LATER = 1013


class RoomFull(Exception):
    """Nobody else can come in."""


class Room:
    """One room.

    :param name: what the history knows it by.
    """

    def __init__(self, name: str, history: History) -> None:
        self.name = name
        self._history = history
        self._people: dict[WebSocket, str] = {}
        # Of what is said, and who comes in, one is done after the other: nobody misses a message or gets one
        # twice. Nothing is awaited meanwhile but the history; a client can take its time.
        self._turn = asyncio.Lock()

    async def enter(self, ws: WebSocket, name: str, after: int) -> None:
        """Send somebody what was said after a message, and let them in.

        :raises RoomFull: if there is no room for them.
        """
        while True:
            async with self._turn:
                messages = await self._history.read(self.name, after)
                if not messages:
                    if len(self._people) >= MAX_PEOPLE:
                        raise RoomFull
                    self._people[ws] = name
                    break
            # However long this takes, more may have been said by its end.
            await ws.send_json({"type": "messages", "messages": [one._asdict() for one in messages]})
            after = messages[-1].id
        await self._tell_who_is_here()

    async def leave(self, ws: WebSocket) -> None:
        """Let somebody go, who need not have been let in."""
        if self._people.pop(ws, None) is not None:
            await self._tell_who_is_here()

    async def say(self, name: str, text: str) -> None:
        """Keep a message, and send it to all who are here."""
        async with self._turn:
            message = await self._history.add(self.name, name, text)
            await self._tell({"type": "messages", "messages": [message._asdict()]})

    async def _tell_who_is_here(self) -> None:
        # Some have two windows open.
        await self._tell({"type": "people", "names": sorted(set(self._people.values()), key=str.casefold)})

    async def _tell(self, value: dict[str, Any]) -> None:
        for slow in broadcast(self._people, json.dumps(value)):
            # To wait for one would be to have all wait, and to keep for it what it does not read, to fill the
            # memory. It comes back, and is sent what it has missed. To close waits for no client.
            await slow.close(TRY_AGAIN_LATER, "You read too slowly.")


class Rooms:
    """All rooms. There is one for as long as somebody is in it."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def enter(self, room_name: str, ws: WebSocket, name: str, after: int = 0) -> AsyncIterator[Room]:
        """Be in a room while the block runs.

        :param after: the number of the message that was seen last.
        :raises RoomFull: if there is no room for them.
        """
        room = self._rooms.get(room_name)
        if room is None:
            room = self._rooms[room_name] = Room(room_name, self._history)
        try:
            await room.enter(ws, name, after)
            yield room
        finally:
            await room.leave(ws)
