"""Clients of hosted applications that leave, end their side, or send bodies that are refused."""

import asyncio
import threading
import time
from typing import Any

import pytest

from ...serving import PATIENCE, chunks, error_records, message
from .speaking import body, hosted, read, respond, start

pytestmark = pytest.mark.every_wire

Serve = Any


class Seen:
    """What an application has seen by its end."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.client: Any = None
        """What the server knows of the client."""
        self.begun = threading.Event()
        self.ended = threading.Event()

    def wrap(self, application: Any) -> Any:
        """Return an application that notes its own end."""

        async def call(scope: Any, receive: Any, send: Any) -> None:
            self.client = receive.__self__.exchange.client
            try:
                await application(scope, receive, send)
            except BaseException as exc:
                self.events.append(type(exc))
                raise
            finally:
                self.ended.set()

        return call


def test_receive_waits_for_the_client_to_leave(serve: Serve, caplog: Any) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        seen.begun.set()
        # Two may wait, and hear of it.
        seen.events += await asyncio.gather(receive(), receive())
        # What was the last is the last again.
        seen.events.append(await receive())

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
    assert seen.ended.wait(PATIENCE)
    assert seen.events == [{"type": "http.disconnect"}] * 3
    server.wait_until_empty()
    assert not error_records(caplog)


def test_send_raises_once_the_client_is_gone(serve: Serve, caplog: Any) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        await send(start())
        await send(body(b"a" * 1000, more=True))
        seen.begun.set()
        # A receive that is given up is none that waits.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(receive(), 0)
        while True:
            await send(body(b"a" * 65536, more=True))

    server = hosted(serve, seen.wrap(application))
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        server.wait_until(lambda: seen.client.is_paused)
        client.reset()
    assert seen.ended.wait(PATIENCE)
    assert seen.events == [ConnectionResetError]
    assert not error_records(caplog)


def test_a_stream_that_waits_for_something_else_is_cancelled(serve: Serve, caplog: Any) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"one", more=True))
        seen.begun.set()
        await asyncio.Event().wait()

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        client.reset()
    assert seen.ended.wait(PATIENCE)
    assert seen.events == [asyncio.CancelledError]
    assert not error_records(caplog)


@pytest.mark.parametrize("waits_in", ["receive", "send"])
def test_a_stream_that_is_told_is_not_cancelled(serve: Serve, caplog: Any, waits_in: str) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        await send(start())
        await send(body(b"one", more=True))
        seen.begun.set()
        try:
            while True:
                if waits_in == "receive":
                    seen.events.append((await receive())["type"])
                    break
                await send(body(b"a" * 65536, more=True))
        except OSError:
            seen.events.append("OSError")
        # What is cleaned up takes its time.
        for _ in range(10):
            await asyncio.sleep(0)
        seen.events.append("cleaned up")

    server = hosted(serve, seen.wrap(application))
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        if waits_in == "send":
            server.wait_until(lambda: seen.client.is_paused)
        client.reset()
    assert seen.ended.wait(PATIENCE)
    assert seen.events == [{"receive": "http.disconnect", "send": "OSError"}[waits_in], "cleaned up"]
    assert not error_records(caplog)


def test_an_application_that_was_told_cleans_up_undisturbed(serve: Serve, caplog: Any) -> None:
    """The client ends its side first, and is lost while the application cleans up."""
    seen, hold = Seen(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        await send(start())
        await send(body(b"one", more=True))
        seen.begun.set()
        assert (await receive())["type"] == "http.disconnect"
        await hold.wait()
        seen.events.append("cleaned up")

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        client.end()
        server.wait_until(lambda: seen.client.has_ended)
        server.call(server.connection.transport.abort)
        server.wait_until(lambda: seen.client.is_gone)
        server.call(hold.set)
    assert seen.ended.wait(PATIENCE)
    assert seen.events == ["cleaned up"]
    assert not error_records(caplog)


def test_cancel_on_disconnect(serve: Serve) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await read(receive)
        seen.begun.set()
        await receive()

    server = hosted(serve, seen.wrap(application), cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
    assert seen.ended.wait(PATIENCE)
    assert seen.events == [asyncio.CancelledError]


def test_half_closed_client_gets_its_answer(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await respond(send, b"all the same")

    with hosted(serve, application).connect() as client:
        client.send(message())
        client.end()
        assert client.receive().body == b"all the same"


@pytest.mark.parametrize("how", ["return", "lost"])
def test_lost_client_gets_no_500(serve: Serve, caplog: Any, how: str) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        seen.begun.set()
        assert (await receive())["type"] == "http.disconnect"
        if how == "lost":
            raise LookupError("as Starlette raises a ClientDisconnect")

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        if how == "lost":
            client.reset()
        else:
            client.end()
            assert client.receive_rest() == b""
    assert seen.ended.wait(PATIENCE)
    server.wait_until_empty()
    assert not error_records(caplog)


def test_an_application_that_fails_when_it_is_told_of_an_end_answers_500(serve: Serve, caplog: Any) -> None:
    """Its client may have ended its side alone, and the fault is the application's."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        raise LookupError("a bug")

    with hosted(serve, application).connect() as client:
        client.send(message())
        client.end()
        assert client.receive().status == 500
    [record] = error_records(caplog)
    assert "GET '/'" in record.getMessage()


@pytest.mark.http1
def test_failure_at_an_incomplete_request_is_not_logged(serve: Serve, caplog: Any) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "http.request":
            pass
        raise LookupError("as Starlette raises a ClientDisconnect")

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 9") + b"a")
        client.end()
        client.receive_rest()
    assert seen.ended.wait(PATIENCE)
    assert not error_records(caplog)


@pytest.mark.parametrize(("method", "piece"), [("HEAD", b"a"), ("GET", b"")])
def test_silent_stream_delays_no_one(serve: Serve, method: str, piece: bytes) -> None:
    others, seen = threading.Event(), []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/other":
            others.set()
            await respond(send, b"hello")
            return
        await send(start())
        end = time.monotonic() + PATIENCE
        while not others.is_set() and time.monotonic() < end:
            await send(body(piece, more=True))
        seen.append(others.is_set())
        await send(body())

    server = hosted(serve, application)
    with server.connect() as client, server.connect() as other:
        client.send(message(method, "/"))
        assert client.receive_head().status == 200
        assert other.request(message("GET", "/other")).body == b"hello"
        server.wait_until(lambda: seen)
    assert seen == [True]


def test_failure_unrelated_to_a_lost_client_is_logged(serve: Serve, caplog: Any) -> None:
    seen, hold = Seen(), asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.begun.set()
        await hold.wait()
        raise LookupError("a bug")

    server = hosted(serve, seen.wrap(application))
    with server.connect() as client:
        client.send(message())
        assert seen.begun.wait(PATIENCE)
        client.reset()
    server.wait_until_empty()
    server.call(hold.set)
    assert seen.ended.wait(PATIENCE)
    server.stop()
    [record] = error_records(caplog)
    assert "GET '/'" in record.getMessage()


REFUSED: dict[str, tuple[int, bytes, dict[str, Any]]] = {
    "too-large": (
        413,
        message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"a" * 90)[:-5],
        {"max_body_size": 100},
    ),
    "too-slow": (408, message("POST", "/", "Content-Length: 9") + b"a", {"body_timeout": 0.05}),
    "corrupt": (400, message("POST", "/", "Content-Encoding: gzip", "Content-Length: 9") + b"abc", {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_server_answers_a_body_that_breaks_off(serve: Serve, caplog: Any, name: str) -> None:
    seen = Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (event := await receive())["type"] == "http.request":
            seen.begun.set()
        seen.events.append(event["type"])
        with pytest.raises(OSError, match="gone"):
            await respond(send, b"not mine")
        raise LookupError("as Starlette raises a ClientDisconnect")

    status, request, limits = REFUSED[name]
    server = hosted(serve, seen.wrap(application), limits=limits)
    with server.connect() as client:
        client.send(request)
        if name == "too-large":
            assert seen.begun.wait(PATIENCE)
            client.send(b"3c\r\n" + b"a" * 60 + b"\r\n0\r\n\r\n")
        answer = client.receive()
        assert (answer.status, b"mine" in answer.body) == (status, False)
    assert seen.ended.wait(PATIENCE)
    assert seen.events == ["http.disconnect", LookupError]
    assert not error_records(caplog)


def test_receive_after_the_end_returns_at_once(serve: Serve) -> None:
    others, seen = threading.Event(), []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/other":
            others.set()
            await respond(send, b"hello")
            return
        await respond(send)
        end = time.monotonic() + PATIENCE
        while not others.is_set() and time.monotonic() < end:
            await receive()
        seen.append(others.is_set())

    server = hosted(serve, application)
    with server.connect() as client, server.connect() as other:
        assert client.request(message()).status == 200
        assert other.request(message("GET", "/other")).body == b"hello"
        server.wait_until(lambda: seen)
    assert seen == [True]


def test_send_waits_for_a_slow_client(serve: Serve) -> None:
    pieces, sent, seen = 300, 0, Seen()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send(start())
        for number in range(pieces):
            await send(body(bytes([number % 256]) * 65536, more=True))
            sent = number + 1
        await send(body())

    server = hosted(serve, seen.wrap(application))
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        server.wait_until(lambda: seen.client and seen.client.is_paused)
        assert sent < pieces
        expected = b"".join(bytes([number % 256]) * 65536 for number in range(pieces))
        assert client.receive().body == expected
    assert sent == pieces
