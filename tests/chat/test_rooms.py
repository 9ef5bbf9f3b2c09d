"""Nobody in a room misses a message, or gets one twice, or waits for anybody else."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest


class History:
    """A history in memory; what is read can be made to be long on its way."""

    def __init__(self, message: Any) -> None:
        self._message = message
        self.messages: list[Any] = []
        self.go = asyncio.Event()
        self.go.set()

    async def add(self, room: str, name: str, text: str) -> Any:
        message = self._message(len(self.messages) + 1, name, text, 0)
        self.messages.append(message)
        return message

    async def read(self, room: str, after: int) -> list[Any]:
        found = self.messages[after:]
        await self.go.wait()
        return found


class Socket:
    """A WebSocket, as far as a room knows it."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()
        self.reads.set()

    async def send_json(self, value: dict[str, Any]) -> None:
        self.received.append(value)
        await self.reads.wait()

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason

    @property
    def texts(self) -> list[str]:
        """What was said, as it came."""
        of = (value["messages"] for value in self.received if value["type"] == "messages")
        return [message["text"] for messages in of for message in messages]

    @property
    def people(self) -> list[list[str]]:
        """Who was here, each time that it was told."""
        return [value["names"] for value in self.received if value["type"] == "people"]


@pytest.fixture
def with_rooms(load: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a coroutine function with rooms and their history."""
    module = load("rooms")
    json = module.json

    def broadcast(sockets: dict[Socket, str], message: str) -> list[Socket]:
        for socket in sockets:
            if socket.reads.is_set():
                socket.received.append(json.loads(message))
        return [socket for socket in sockets if not socket.reads.is_set() and socket.closed is None]

    monkeypatch.setattr(module, "broadcast", broadcast)

    def run(function: Callable[[Any, History], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            history = History(load("history").Message)
            await function(module.Rooms(history), history)

        asyncio.run(main())

    return run


async def turn() -> None:
    """Let every task get as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_joining_client_gets_messages_sent_while_history_loads(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        ada, bob = Socket(), Socket()
        async with rooms.enter("tea", ada, "Ada") as room, asyncio.TaskGroup() as tasks:
            await room.say("Ada", "one")
            bob.reads.clear()

            async def come() -> None:
                async with rooms.enter("tea", bob, "Bob") as same:
                    assert same is room
                    await room.say("Bob", "three")

            tasks.create_task(come())
            await turn()
            assert bob.texts == ["one"]
            # Bob has yet to read the first, and nobody waits for that.
            await room.say("Ada", "two")
            assert ada.texts == ["one", "two"]
            assert bob.closed is None
            bob.reads.set()
        assert bob.texts == ada.texts == ["one", "two", "three"]

    with_rooms(check)


def test_messages_sent_while_history_loads_follow_it(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        ada, bob = Socket(), Socket()
        async with rooms.enter("tea", ada, "Ada") as room:
            history.go.clear()

            async def come() -> None:
                async with rooms.enter("tea", bob, "Bob"):
                    await room.say("Bob", "two")

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(come())
                await turn()
                tasks.create_task(room.say("Ada", "one"))
                await turn()
                assert (ada.texts, bob.texts) == ([], [])
                history.go.set()
            assert ada.texts == bob.texts == ["one", "two"]

    with_rooms(check)


def test_returning_client_gets_new_messages(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        ada = Socket()
        async with rooms.enter("tea", Socket(), "Bob") as room:
            for text in ("one", "two", "three"):
                await room.say("Bob", text)
            async with rooms.enter("tea", ada, "Ada", after=2):
                assert ada.texts == ["three"]
        assert ada.people == [["Ada", "Bob"]]

    with_rooms(check)


def test_members_are_announced_at_each_join_and_leave(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        ada = Socket()
        async with rooms.enter("tea", ada, "ada"):
            async with rooms.enter("tea", Socket(), "Bob"), rooms.enter("tea", Socket(), "ada"):
                pass
            async with rooms.enter("coffee", Socket(), "Eve"):
                pass
        here = [["ada"], ["ada", "Bob"], ["ada", "Bob"], ["ada", "Bob"], ["ada"]]
        assert ada.people == here

    with_rooms(check)


def test_slow_reader_is_closed_and_delays_no_other(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        ada, slow = Socket(), Socket()
        async with rooms.enter("tea", ada, "Ada") as room, rooms.enter("tea", slow, "Slow"):
            slow.reads.clear()
            await room.say("Ada", "one")
            assert slow.closed == (1013, "You read too slowly.")
            assert (ada.texts, slow.texts) == (["one"], [])
            assert ada.closed is None

    with_rooms(check)


def test_full_room_refuses_clients(with_rooms: Any, load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("rooms")
    monkeypatch.setattr(module, "MAX_PEOPLE", 1)

    async def check(rooms: Any, history: History) -> None:
        ada = Socket()
        async with rooms.enter("tea", ada, "Ada"):
            with pytest.raises(module.RoomFull):
                async with rooms.enter("tea", Socket(), "Bob"):
                    raise AssertionError("Bob is in")
            async with rooms.enter("coffee", Socket(), "Bob"):
                pass
        assert ada.people == [["Ada"]]

    with_rooms(check)


def test_no_room_is_left_when_all_have_gone(with_rooms: Any) -> None:
    async def check(rooms: Any, history: History) -> None:
        async with rooms.enter("tea", Socket(), "Ada"):
            assert len(rooms._rooms) == 1
        assert len(rooms._rooms) == 0

    with_rooms(check)
