"""Whether a client is there, and keeps up: who waits for it, and what they are told."""

import asyncio
from typing import Any

import pytest

from kyoukai.core.exchange.client_state import ClientState
from tests.core.wires import run, turns


def make() -> ClientState:
    return ClientState(asyncio.get_running_loop())


def test_initial_state() -> None:
    async def main() -> None:
        client = make()
        assert (client.has_ended, client.is_gone, client.is_paused) == (False, False, False)
        # Nobody has to wait.
        assert await client.wait_room() is False

    run(main)


def test_who_waits_for_room() -> None:
    async def main() -> None:
        client = make()
        client.pause()
        client.pause()
        assert client.is_paused
        waiters = [asyncio.ensure_future(client.wait_room()) for _ in range(2)]
        await turns()
        assert not any(waiter.done() for waiter in waiters)
        client.resume()
        assert await asyncio.gather(*waiters) == [True, True]
        assert client.is_paused is False
        # A second time is as the first.
        client.pause()
        waiter = asyncio.ensure_future(client.wait_room())
        await turns()
        client.resume()
        assert await waiter is True
        client.resume()

    run(main)


def test_one_that_waits_for_room_may_be_cancelled() -> None:
    async def main() -> None:
        client = make()
        client.pause()
        first, second = (asyncio.ensure_future(client.wait_room()) for _ in range(2))
        await turns()
        first.cancel()
        await turns()
        client.resume()
        assert await second is True
        assert first.cancelled()

    run(main)


def test_who_waits_for_room_learns_of_a_loss() -> None:
    async def main() -> None:
        client = make()
        client.pause()
        waiters = [asyncio.ensure_future(client.wait_room()) for _ in range(2)]
        waiters[0].add_done_callback(lambda _: None)
        await turns()
        client.lose()
        for waiter in waiters:
            with pytest.raises(ConnectionResetError):
                await waiter
        assert (client.has_ended, client.is_gone) == (True, True)
        # And whoever comes later, though nothing says that it reads on.
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await client.wait_room()
            client.resume()

    run(main)


@pytest.mark.parametrize("end", [ClientState.end, ClientState.lose])
def test_who_waits_for_its_end(end: Any) -> None:
    async def main() -> None:
        client = make()
        waiters = [asyncio.ensure_future(client.wait_ended()) for _ in range(3)]
        await turns()
        waiters[0].cancel()
        await turns()
        assert [waiter.done() for waiter in waiters] == [True, False, False]
        end(client)
        end(client)
        await asyncio.gather(*waiters[1:])
        assert client.has_ended
        assert client.is_gone is (end is ClientState.lose)
        # It has ended: nobody waits any more.
        await client.wait_ended()

    run(main)


def test_an_end_is_no_loss() -> None:
    async def main() -> None:
        client = make()
        client.end()
        client.pause()
        waiter = asyncio.ensure_future(client.wait_room())
        await turns()
        assert not waiter.done()
        client.resume()
        assert await waiter is True
        client.lose()
        assert client.is_gone

    run(main)


def test_nothing_is_made_for_an_end_that_nobody_waits_for() -> None:
    async def main() -> None:
        client = make()
        client.end()
        assert client._ended is None
        await client.wait_ended()
        assert client._ended is None

    run(main)


@pytest.mark.parametrize("ends_before", [True, False])
def test_what_is_done_at_its_end(ends_before: bool) -> None:
    async def main() -> None:
        client = make()
        if ends_before:
            client.end()
        ended = client.ended()
        assert client.ended() is ended
        assert ended.done() is ends_before
        client.end()
        assert ended.done()

    run(main)
