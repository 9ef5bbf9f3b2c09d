"""Messages of a WebSocket that are JSON, and tasks of its handler, over a real socket."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import UnfitMessage, WebSocket, WebSocketClosed

from ..serving import PATIENCE, error_records

Handler = Callable[[HTTPRequestContext, WebSocket], Any]


class Opener:
    """Opens WebSockets to a handler of an application, until :meth:`close`."""

    def __init__(self, serve: Any) -> None:
        self._serve = serve
        self._opened = contextlib.ExitStack()
        self.server: Any = None

    def __call__(self, handler: Handler, app: Kyoukai | None = None) -> ClientConnection:
        app = app or Kyoukai("messages")
        app.websocket("/")(handler)
        self.server = self._serve(app)
        url = self.server.url.replace("http", "ws")
        return self._opened.enter_context(connect(url, proxy=None, open_timeout=PATIENCE))

    def close(self) -> None:
        self._opened.close()


@pytest.fixture
def open_to(serve: Any) -> Iterator[Opener]:
    opener = Opener(serve)
    yield opener
    opener.close()


def check_failed(open_to: Opener, handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    """Have a handler fail: its WebSocket is closed with 1011, and the log has one error."""
    client = open_to(handler)
    with pytest.raises(ConnectionClosed) as caught:
        client.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011
    open_to.server.wait_until_empty()
    assert len(error_records(caplog)) == 1


@pytest.mark.parametrize(("code", "reason"), [(1005, ""), (999, ""), (1003, "x" * 124)])
def test_invalid_close_code_is_not_an_unfit_message(code: int, reason: str) -> None:
    with pytest.raises(ValueError, match=r"code|bytes") as caught:
        UnfitMessage(code, reason)
    assert not isinstance(caught.value, UnfitMessage)


def test_json_is_compact_and_in_utf_8(open_to: Opener) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send_json({"text": "\U0001f375 Ä", "numbers": [1, 2]})

    assert open_to(handler).recv(PATIENCE) == '{"text":"\U0001f375 Ä","numbers":[1,2]}'


def test_json_is_made_by_the_encoder_of_the_application(open_to: Opener) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send_json({"on": date(1970, 1, 1)})

    def encode(value: Any) -> str:
        return json.dumps(value, default=str)

    assert open_to(handler, Kyoukai("dates", json_encoder=encode)).recv(PATIENCE) == '{"on": "1970-01-01"}'


@pytest.mark.parametrize(
    "value",
    [pytest.param(float("nan"), id="nan"), pytest.param({1, 2}, id="set"), pytest.param("\ud800", id="half")],
)
def test_unserializable_value_fails_before_sending(open_to: Opener, value: Any) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises((TypeError, ValueError)):
            await ws.send_json({"value": value})
        await ws.send(f"accepted: {ws.is_accepted}")

    assert open_to(handler).recv(PATIENCE) == "accepted: False"


@pytest.mark.parametrize("sent", ["", "{", "[" * 100_000, b"\xff\xfe", "1" * 5_000])
def test_invalid_json_is_a_value_error_and_reading_continues(open_to: Opener, sent: Any) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - which one it is, is of no interest
            await ws.receive_json()
        await ws.send_json(await ws.receive_json())

    client = open_to(handler)
    client.send(sent)
    client.send(b'{"a": [1, null]}')
    assert client.recv(PATIENCE) == '{"a":[1,null]}'


@pytest.mark.parametrize(
    ("method", "sent", "code", "reason"),
    [
        ("receive_json", "{", 1007, "JSON is expected"),
        ("receive_json", "[" * 100_000, 1007, "JSON that is not nested as deeply is expected"),
        ("receive_json", b"\xff\xfe", 1007, "JSON is expected"),
        ("receive_text", b"{}", 1003, "a text is expected"),
        ("receive_bytes", "{}", 1003, "a binary message is expected"),
    ],
)
@pytest.mark.parametrize("in_group", [False, True], ids=["itself", "in a group of tasks"])
def test_unexpected_message_type_closes_without_a_traceback(
    open_to: Opener,
    caplog: pytest.LogCaptureFixture,
    in_group: bool,
    method: str,
    sent: str | bytes,
    code: int,
    reason: str,
) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        if not in_group:
            await getattr(ws, method)()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(PATIENCE))
            tasks.create_task(getattr(ws, method)())

    caplog.set_level(logging.INFO, "kyoukai.web")
    client = open_to(handler)
    client.send(sent)
    with pytest.raises(ConnectionClosed) as caught:
        client.recv(PATIENCE)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)
    open_to.server.wait_until_empty()
    (record,) = [record for record in caplog.records if record.name == "kyoukai.web"]
    assert (record.levelno, record.exc_info) == (logging.INFO, None)
    text = f"WebSocket '/': closed with {code} for a message that its handler did not ask for: {reason}"
    assert record.getMessage().startswith(f"{text} (request id ")


def test_each_kind_is_received_by_its_method(open_to: Opener) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises(UnfitMessage):
            await ws.receive_bytes()
        assert (await ws.receive_text(), await ws.receive_bytes()) == ("a", b"b")
        await ws.send("both")

    client = open_to(handler)
    for message in ("no bytes", "a", b"b"):
        client.send(message)
    assert client.recv(PATIENCE) == "both"


def test_a_value_error_of_the_handler_is_a_failure(open_to: Opener, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ws.receive_json())
            tasks.create_task(fail())

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    check_failed(open_to, handler, caplog)


def test_several_tasks_may_be_the_first(open_to: Opener) -> None:
    """It is accepted once, however long the hooks take."""
    app = Kyoukai("tasks")
    calls: list[int] = []

    @app.after_request
    async def note(ctx: HTTPRequestContext, response: Response) -> None:
        calls.append(response.status_code)
        for _ in range(10):
            await asyncio.sleep(0)

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async with asyncio.TaskGroup() as tasks:
            received = tasks.create_task(ws.receive())
            tasks.create_task(ws.send("first"))
            tasks.create_task(ws.send_json("second"))
        await ws.send(received.result())

    client = open_to(handler, app)
    client.send("third")
    assert sorted(client.recv(PATIENCE) for _ in range(2)) == ['"second"', "first"]
    assert client.recv(PATIENCE) == "third"
    assert calls == [101]


async def send_until_closed(ws: WebSocket) -> None:
    while True:
        await ws.send("tick")
        await asyncio.sleep(0.01)


def test_end_of_the_websocket_in_a_task_group_is_not_a_failure(
    open_to: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[BaseException] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send_until_closed(ws))
                while True:
                    await ws.receive()
        except* WebSocketClosed as group:
            done.append(group)
            raise

    client = open_to(handler)
    assert client.recv(PATIENCE) == "tick"
    client.close()
    server = open_to.server
    server.wait_until(lambda: done)
    server.wait_until_empty()
    assert error_records(caplog) == []


@pytest.mark.parametrize("how", ["beside it", "awaited"])
def test_other_error_in_a_task_is_a_failure(
    open_to: Opener, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    async def fail() -> None:
        raise LookupError

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        if how == "beside it":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail())
                await ws.receive()
        # One that was cancelled, and not by cancelling whoever awaits it.
        task = asyncio.create_task(asyncio.sleep(PATIENCE))
        task.cancel()
        await task

    check_failed(open_to, handler, caplog)


def test_it_is_accepted_once(open_to: Opener) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept(headers=[("X-Field", "1")])
        with pytest.raises(RuntimeError, match="accepted already"):
            await ws.accept()
        await ws.send("hello")

    client = open_to(handler)
    assert client.recv(PATIENCE) == "hello"
    assert client.response.headers["X-Field"] == "1"
