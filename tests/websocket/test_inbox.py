"""Messages that wait for a handler."""

import asyncio

import pytest

from kyoukai.websocket.inbox import Inbox


def test_order_and_size():
    inbox = Inbox(4)
    assert not inbox
    for message in ("abc", b"d", "e"):
        assert not inbox.is_full or message == "e"
        inbox.put(message)
    assert [inbox.take(), inbox.take()] == ["abc", b"d"]
    assert not inbox.is_full
    inbox.clear()
    assert not inbox


def test_many_come_in_their_order():
    inbox = Inbox(1000)
    taken = []
    for number in range(10):
        inbox.put(str(number))
        if number % 3 == 2:
            taken.append(inbox.take())
    while inbox:
        taken.append(inbox.take())
    assert taken == [str(number) for number in range(10)]
    with pytest.raises(IndexError):
        inbox.take()


def test_single_message_never_exceeds_the_limit():
    inbox = Inbox(1)
    assert not inbox.is_full
    inbox.put("long")
    assert inbox.is_full
    assert inbox.take() == "long"
    assert not inbox.is_full


def test_empty_message_counts():
    inbox = Inbox(1)
    inbox.put("")
    assert inbox
    assert inbox.take() == ""


def test_answering_state():
    inbox = Inbox(1)
    inbox.put("a")
    assert not inbox.is_answering
    inbox.take()
    assert inbox.is_answering


def test_waiting_tasks_are_woken():
    async def main() -> None:
        inbox = Inbox(10)
        waiting = asyncio.ensure_future(inbox.wait())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task waits"):
            await inbox.wait()
        inbox.put("a")
        await waiting
        waiting = asyncio.ensure_future(inbox.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        # One that was cancelled stands in nobody's way.
        other = asyncio.ensure_future(inbox.wait())
        await asyncio.sleep(0)
        inbox.wake()
        await other

    asyncio.run(main())
