"""Ends of WebSockets that are easily missed, as the client for tests sees them by a socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kyoukai import HTTPRequestContext, Kyoukai, Response
from kyoukai.test_client import LiveClient
from kyoukai.websocket import WebSocket, WebSocketClosed

Ask = Callable[..., None]


def make_app(handler: Any, **options: Any) -> Kyoukai:
    app = Kyoukai("sockets")
    app.websocket("/", **options)(handler)
    return app


async def until(condition: Callable[[], Any]) -> None:
    while not condition():  # noqa: ASYNC110 (nobody tells of what it waits for)
        await asyncio.sleep(0.001)


@pytest.fixture
def ask(backend: str, loop_factory: Any) -> Ask:
    """Run a function of a client on each backend and each loop."""

    def run(app: Kyoukai, function: Callable[[LiveClient], Awaitable[None]], **settings: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(10), app.live_client(backend, **settings) as client:
                await function(client)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())

    return run


def test_a_close_that_cannot_be_sent_leaves_it_open(ask: Ask) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        for code, reason in ((999, ""), (1006, ""), (1000, "x" * 124)):
            with pytest.raises(ValueError, match=r"code|reason"):
                await ws.close(code, reason)
            assert ws.is_open
        await ws.close(4000)

    async def function(client: LiveClient) -> None:
        async with client.websocket("/") as ws:
            assert [message async for message in ws] == []
            assert ws.close_code == 4000
        assert client.errors == []

    ask(make_app(handler), function)


def test_two_tasks_may_use_it_first(ask: Ask) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(ws.send("one"))
            group.create_task(ws.send("two"))

    app = make_app(handler)
    calls = []

    @app.after_request
    async def look(ctx: HTTPRequestContext, response: Response) -> None:
        calls.append(response.status_code)
        await asyncio.sleep(0.01)

    async def function(client: LiveClient) -> None:
        async with client.websocket("/") as ws:
            assert sorted([message async for message in ws]) == ["one", "two"]  # type: ignore[type-var]
            assert ws.close_code == 1000
        assert client.errors == []

    ask(app, function)
    assert calls == [101]


@pytest.mark.parametrize("how", ["reset", "end"])
@pytest.mark.parametrize("first_use", ["its own", "a task of its own"])
def test_a_client_without_a_close_cancels_the_handler(ask: Ask, how: str, first_use: str) -> None:
    seen = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await (ws.accept() if first_use == "its own" else asyncio.create_task(ws.accept()))
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            ended.set()
            raise

    async def function(client: LiveClient) -> None:
        async with client.websocket("/") as ws:
            if how == "reset":
                ws.abort()
            else:
                ws._connection.transport.close()
            await ended.wait()

    ended = asyncio.Event()
    ask(make_app(handler), function, cancel_on_disconnect=True)
    assert seen == ["cancelled"]


@pytest.mark.parametrize("first_told", ["by receive", "by send"])
def test_a_handler_that_was_told_of_the_end_is_left_to_clean_up(ask: Ask, first_told: str) -> None:
    seen = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        try:
            while True:
                await (ws.receive() if first_told == "by receive" else ws.send("a"))
        except WebSocketClosed:
            connection = ws.connection
            assert connection is not None
            while not connection.client.is_gone:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append("cleaned up")
        finally:
            ended.set()

    async def function(client: LiveClient) -> None:
        async with client.websocket("/") as ws:
            ws._connection.transport.close()
            await ended.wait()

    ended = asyncio.Event()
    ask(make_app(handler), function, cancel_on_disconnect=True)
    assert seen == ["cleaned up"]


def test_a_close_counts_whose_client_does_not_wait_for_the_answer(ask: Ask) -> None:
    codes = []
    is_lost = asyncio.Event()

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        assert await ws.receive() == "a"
        await is_lost.wait()
        await asyncio.sleep(0)
        with pytest.raises(WebSocketClosed) as caught:
            await ws.receive()
        codes.append(caught.value.code)

    async def function(client: LiveClient) -> None:
        async with client.websocket("/") as ws:
            await ws.send("a")
            (connection,) = (c for c in client.component.server.connections if hasattr(c, "inbox"))
            await until(lambda: connection.traffic.received)
            ws._connection.protocol.send_close(4001)
            ws._connection._flush()
            await until(lambda: connection.user.has_ended)
            ws.abort()
            await until(lambda: connection.client.is_gone)
            is_lost.set()

    ask(make_app(handler), function)
    assert codes == [4001]
