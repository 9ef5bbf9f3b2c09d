"""What was said last in each room is in a file."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def with_history(load: Any, tmp_path: Path) -> Callable[[Callable[[Any], Coroutine[Any, Any, None]]], None]:
    """Run a coroutine function with a history that is open while it runs; the same file each time."""
    module = load("history")

    def run(function: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            history = module.History(str(tmp_path / "new" / "chat.db"))
            await history.open()
            try:
                await function(history)
            finally:
                await history.close()

        asyncio.run(main())

    return run


async def texts(history: Any, room: str, after: int = 0) -> list[str]:
    return [message.text for message in await history.read(room, after)]


def test_messages_are_read_oldest_first(with_history: Any) -> None:
    async def check(history: Any) -> None:
        first = await history.add("tea", "Ada", "one")
        second = await history.add("tea", "Bob", "two")
        assert await history.read("tea") == [first, second]
        assert (first.name, first.text, second.id) == ("Ada", "one", first.id + 1)
        assert await history.read("tea", first.id) == [second]
        assert await history.read("tea", second.id) == []

    with_history(check)


def test_rooms_are_apart(with_history: Any) -> None:
    async def check(history: Any) -> None:
        await history.add("tea", "Ada", "one")
        await history.add("coffee", "Ada", "two")
        assert await texts(history, "tea") == ["one"]
        assert await texts(history, "coffee") == ["two"]
        assert await texts(history, "milk") == []

    with_history(check)


def test_fifty_messages_of_a_room_are_kept(with_history: Any) -> None:
    async def check(history: Any) -> None:
        await history.add("coffee", "Ada", "the only one")
        for number in range(53):
            await history.add("tea", "Ada", str(number))
        assert await texts(history, "tea") == [str(number) for number in range(3, 53)]
        count = await history._call(lambda: history._database.execute("SELECT count(*) FROM message"))
        assert await history._call(count.fetchone) == (51,)
        assert await texts(history, "coffee") == ["the only one"]

    with_history(check)


def test_the_file_outlives_the_process(with_history: Any) -> None:
    seen: list[int] = []

    async def add(history: Any) -> None:
        seen.append((await history.add("tea", "Ada", "hello")).id)

    async def add_again(history: Any) -> None:
        assert await texts(history, "tea") == ["hello"]
        await add(history)

    with_history(add)
    with_history(add_again)
    # Numbers are not given again.
    assert seen[1] > seen[0]


def test_sql_in_a_message_is_text(with_history: Any) -> None:
    async def check(history: Any) -> None:
        evil = "'); DROP TABLE message; --"
        message = await history.add(evil, evil, evil)
        assert await history.read(evil) == [message]

    with_history(check)
