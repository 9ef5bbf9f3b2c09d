"""WebSockets of the clients for tests: the same test runs in the process and by a socket."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidHandshake
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Request, Response

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient, Client, InProcessClient, LiveClient, WebSocketRefused
from kyoukai.websocket import UnfitMessage, WebSocket, WebSocketClosed

from ..conftest import BACKENDS
from ..serving import error_records
from .conftest import Using

PIECE = bytes(64 * 1024)
PIECES = 512
"""Of such pieces, 32 MiB are more than any buffer on the way holds."""


async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


def make_app(handler: Any = echo, url: str = "/", **options: Any) -> Kyoukai:
    app = Kyoukai("sockets", sessions=CookieSessions("0123456789abcdef"))
    app.websocket(url, **options)(handler)
    return app


async def pieces_of(*pieces: str | bytes) -> AsyncIterator[str | bytes]:
    for piece in pieces:
        yield piece


async def refusal(client: Client, *args: Any, **options: Any) -> Response:
    """Return what answers a request for a WebSocket that is refused."""
    with pytest.raises(WebSocketRefused) as caught:
        async with client.websocket(*args, **options):
            raise AssertionError
    return caught.value.response


# Messages


def test_messages_come_back(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            for message in ("a", "", "ä€", b"", b"\xff\x00", "x" * 70_000, bytes(300_000)):
                await ws.send(message)
                assert await ws.receive() == message
            await ws.send(pieces_of("a", "", "ä"))
            assert await ws.receive() == "aä"
            await ws.send(pieces_of(b"\xff", b"\x00"))
            assert await ws.receive() == b"\xff\x00"
            await ws.send_json({"a": [1, "ä"]})
            assert await ws.receive_json() == {"a": [1, "ä"]}
            for message, receive in (("a", ws.receive_text), (b"b", ws.receive_bytes)):
                await ws.send(message)
                assert await receive() == message
            for message, receive in ((b"a", ws.receive_text), ("b", ws.receive_bytes)):
                await ws.send(message)
                with pytest.raises(UnfitMessage, match="is expected"):
                    await receive()
            assert ws.close_code is None
        assert ws.close_code == 1000

    using(make_app(), function)


def test_many_messages_at_once(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            for number in range(500):
                await ws.send(str(number))
            assert [await ws.receive() for _ in range(500)] == [str(number) for number in range(500)]

    using(make_app(), function)


def test_fragments_of_the_server_are_one_message(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send(pieces_of("a" * 200_000, "b", "c"))
        await ws.send("next")

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            assert [message async for message in ws] == ["a" * 200_000 + "bc", "next"]

    using(make_app(handler), function)


def test_fragments_that_cannot_be_sent(using: Using) -> None:
    seen: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async for _ in ws:
            raise AssertionError
        seen.append(ws.close_code)

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            with pytest.raises(ValueError, match="at least one fragment"):
                await ws.send(pieces_of())
            with pytest.raises(TypeError, match="must be all str or all bytes"):
                await ws.send(pieces_of("a", b"b"))
            with pytest.raises(WebSocketClosed):
                await ws.send("c")
        async with client.websocket("/") as ws:
            with pytest.raises(TypeError, match="a message must be str, bytes"):
                await ws.send(5)  # type: ignore[arg-type]

    using(make_app(handler), function)
    assert seen == [1011, 1000]


def test_compression(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/", compression=True) as ws:
            assert "permessage-deflate" in ws.headers["Sec-WebSocket-Extensions"]
            for message in ("a" * 300_000, "short", b"b" * 70_000):
                await ws.send(message)
                assert await ws.receive() == message
            await ws.send(pieces_of("c" * 1000, "d" * 1000))
            assert await ws.receive() == "c" * 1000 + "d" * 1000
        async with client.websocket("/") as ws:
            assert "Sec-WebSocket-Extensions" not in ws.headers

    using(make_app(compression=True), function)


# The handshake


def test_subprotocols(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send_json(ws.subprotocol)

    async def function(client: Client) -> None:
        for offered, chosen in [
            (["chat.v1"], "chat.v1"),
            (["chat.v1", "other", "chat.v2"], "chat.v2"),
            (["other"], None),
            ([], None),
        ]:
            async with client.websocket("/", subprotocols=offered) as ws:
                assert ws.subprotocol == chosen
                assert ws.headers.get("Sec-WebSocket-Protocol") == chosen
                assert await ws.receive_json() == chosen

    using(make_app(handler, subprotocols=["chat.v2", "chat.v1"]), function)


def test_handshake_of_the_client(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket, name: str) -> None:
        await ws.accept([("X-Seen", ctx.request.headers["X-Sent"])])
        await ws.send_json([name, ctx.request.args["page"], ctx.request.remote_addr, ctx.request.host])
        assert ctx.proto is not None
        assert not ctx.client_gone
        assert not ctx.client_ended

    async def function(client: Client) -> None:
        async with client.websocket("/rooms/a b?page=2", headers={"X-Sent": "ä"}) as ws:
            assert ws.headers["X-Seen"] == "ä"
            assert await ws.receive_json() == ["a b", "2", "127.0.0.1", "localhost"]
        options = {"base_url": "http://other.example", "query_string": {"page": 3}}
        async with client.websocket("/rooms/b", headers={"X-Sent": "2"}, **options) as ws:
            assert await ws.receive_json() == ["b", "3", "127.0.0.1", "other.example"]
        assert client.errors == []

    using(make_app(handler, "/rooms/<name>"), function)


def test_refused_by_a_hook(using: Using) -> None:
    app = make_app()

    @app.before_request
    async def refuse(ctx: HTTPRequestContext) -> Any:
        if "plain" in ctx.request.args:
            return Response("no room", 409, {"X-Why": "full", "Set-Cookie": "seen=1"})
        raise Unauthorized("Log in first.")

    async def function(client: Client) -> None:
        response = await refusal(client, "/?plain=1")
        assert (response.status_code, response.data, response.headers["X-Why"]) == (409, b"no room", "full")
        cookie = client.get_cookie("seen")
        assert cookie is not None
        assert cookie.value == "1"
        response = await refusal(client, "/", headers={"Accept": "application/json"})
        assert response.status_code == 401
        assert "Log in first." in response.text
        assert client.errors == []

    using(app, function)


def test_refused_by_its_handler(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> Any:
        if "close" in ctx.request.args:
            await ws.close()
            return None
        return {"full": True}

    async def function(client: Client) -> None:
        response: Any = await refusal(client, "/")
        assert (response.status_code, response.json) == (200, {"full": True})
        with pytest.raises(WebSocketRefused, match=r"the answer to '/' is 403 FORBIDDEN, not a WebSocket"):
            async with client.websocket("/?close"):
                raise AssertionError

    using(make_app(handler), function)


def test_origins(using: Using) -> None:
    async def function(client: Client) -> None:
        for origin in (None, "http://localhost"):
            async with client.websocket("/", origin=origin) as ws:
                await ws.send("a")
                assert await ws.receive() == "a"
        assert (await refusal(client, "/", origin="https://evil.example")).status_code == 403

    using(make_app(), function)


def test_requests_that_open_no_websocket(using: Using) -> None:
    app = make_app(url="/socket")

    @app.route("/page")
    async def page(ctx: HTTPRequestContext) -> str:
        return "page"

    async def function(client: Client) -> None:
        plain = await client.get("/socket")
        assert (plain.status_code, plain.headers["Upgrade"]) == (426, "websocket")
        other = await refusal(client, "/socket", headers={"Sec-WebSocket-Version": "8"})
        assert (other.status_code, other.headers["Sec-WebSocket-Version"]) == (426, "13")
        assert (await refusal(client, "/none")).status_code == 404
        response = await refusal(client, "/page")
        assert (response.status_code, response.data) == (200, b"page")
        async with client.websocket("/socket") as ws:
            assert ws.headers["Upgrade"] == "websocket"

    using(app, function)


def test_sessions(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        ctx.session["count"] = ctx.session.get("count", 0) + 1
        await ws.send_json(ctx.session["count"])

    app = make_app(handler)

    @app.route("/count")
    async def count(ctx: HTTPRequestContext) -> Any:
        return {"count": ctx.session["count"]}

    async def function(client: Client) -> None:
        for number in (1, 2):
            async with client.websocket("/") as ws:
                assert await ws.receive_json() == number
                assert ws.headers["Set-Cookie"].startswith("session=")
        with client.session_transaction() as session:
            session["count"] = 100
        async with client.websocket("/") as ws:
            assert await ws.receive_json() == 101
        assert (await client.get("/count")).json == {"count": 101}

    using(app, function)


class Switching:
    """An application without routing, which opens a tunnel by itself, in the wrong way."""

    request_class = Request

    async def process_request(self, request: Request, parent_context: Any) -> Response:
        opened = request.environ["kyoukai.protocol"].open_tunnel(
            "websocket", [("Sec-WebSocket-Accept", "wrong")], asyncio.Protocol
        )
        assert opened is not None
        return Response()


@pytest.mark.parametrize("kind", ["in process", *BACKENDS])
def test_a_handshake_that_is_wrong(kind: str) -> None:
    async def main() -> None:
        app = Switching()
        client = InProcessClient(app) if kind == "in process" else LiveClient(app, backend=kind)
        async with client:
            with pytest.raises(InvalidHandshake, match="Sec-WebSocket-Accept"):
                async with client.websocket("/"):
                    raise AssertionError

    asyncio.run(main())


def test_fields_that_cannot_be_sent(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept([("X-Field", "a\x00b")])

    async def function(client: Client) -> None:
        assert (await refusal(client, "/")).status_code == 500
        assert len(client.errors) == 1

    using(make_app(handler), function)


# Exceptions


async def failing(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for _ in ws:
        raise LookupError("no such room")


def test_an_exception_is_noted(using: Using, caplog: pytest.LogCaptureFixture) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            await ws.send("a")
            with pytest.raises(WebSocketClosed) as caught:
                await ws.receive()
            assert (caught.value.code, ws.close_code) == (1011, 1011)
            with pytest.raises(WebSocketClosed):
                await ws.send("b")
            assert [message async for message in ws] == []
        assert [repr(error) for error in client.errors] == ["LookupError('no such room')"]

    using(make_app(failing), function)
    assert len(error_records(caplog)) == 1


def test_an_exception_is_raised(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            await ws.send("a")
            with pytest.raises(LookupError, match="no such room"):
                await ws.receive()
            with pytest.raises(LookupError, match="no such room"):
                await anext(aiter(ws))
            with pytest.raises(LookupError, match="no such room"):
                await ws.send("b")
            await ws.close()
        async with client.websocket("/") as ws:
            await ws.close()
        assert len(client.errors) == 1

    using(make_app(failing), function, raise_exceptions=True)


def test_an_exception_is_raised_by_the_end(using: Using) -> None:
    failed = asyncio.Event()

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        failed.set()
        raise LookupError("no such room")

    async def function(client: Client) -> None:
        with pytest.raises(LookupError, match="no such room"):
            async with client.websocket("/"):
                await failed.wait()

    using(make_app(handler), function, raise_exceptions=True)


def test_an_exception_before_it_is_accepted(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        raise LookupError("no such room")

    async def noted(client: Client) -> None:
        assert (await refusal(client, "/")).status_code == 500
        assert len(client.errors) == 1

    async def raised(client: Client) -> None:
        with pytest.raises(LookupError, match="no such room"):
            async with client.websocket("/"):
                raise AssertionError

    using(make_app(handler), noted)
    using(make_app(handler), raised, raise_exceptions=True)


# The ways to end


def test_the_client_closes(using: Using) -> None:
    seen: list[Any] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        try:
            seen.append(await ws.receive())
            await ws.receive()
        except WebSocketClosed as closed:
            seen.append((closed.code, closed.reason, ws.close_code))

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            await ws.send("a")
            for code, reason in ((999, ""), (1005, ""), (1000, "x" * 124)):
                with pytest.raises(ValueError, match=r"code|reason"):
                    await ws.close(code, reason)
            await ws.close(4001, "bye")
            assert ws.close_code == 4001
            with pytest.raises(WebSocketClosed):
                await ws.send("b")
            with pytest.raises(WebSocketClosed):
                await ws.receive()
            await ws.close(4002)
        assert ws.close_code == 4001

    using(make_app(handler), function)
    assert seen == ["a", (4001, "bye", 4001)]


def test_the_server_closes(using: Using) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send("a")
        if "code" in ctx.request.args:
            await ws.close(int(ctx.request.args["code"]), "bye")

    async def function(client: Client) -> None:
        async with client.websocket("/?code=4002") as ws:
            assert [message async for message in ws] == ["a"]
            assert (ws.close_code, ws.close_reason) == (4002, "bye")
            with pytest.raises(WebSocketClosed, match="4002: bye"):
                await ws.receive()
        async with client.websocket("/") as ws:
            assert await ws.receive() == "a"
            with pytest.raises(WebSocketClosed, match="1000"):
                await ws.receive()
        assert (ws.close_code, ws.close_reason) == (1000, "")

    using(make_app(handler), function)


def test_too_large_a_message(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            await ws.send("a" * 1001)
            with pytest.raises(WebSocketClosed) as caught:
                await ws.receive()
            assert caught.value.code == 1009

    using(make_app(max_message_size=1000), function)


def test_a_client_that_is_lost(using: Using) -> None:
    seen: list[Any] = []
    ended = asyncio.Event()

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await ws.receive()
        seen.extend([caught.value.code, ctx.client_gone])
        ended.set()

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            ws.abort()
            with pytest.raises(WebSocketClosed) as caught:
                await ws.receive()
            assert (caught.value.code, ws.close_code) == (1006, 1006)
            with pytest.raises(WebSocketClosed):
                await ws.send("a")
            await ended.wait()
        assert client.errors == []

    using(make_app(handler), function)
    assert seen == [1006, True]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_that_is_lost_cancels(backend: str, loop_factory: Any) -> None:
    async def main() -> list[str]:
        seen = []
        ended = asyncio.Event()

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            finally:
                ended.set()

        app = make_app(handler)
        client = app.live_client(backend, cancel_on_disconnect=True)
        async with client, client.websocket("/") as ws:
            ws.abort()
            await ended.wait()
        return seen

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(main()) == ["cancelled"]


def test_the_end_of_the_test_closes(using: Using) -> None:
    codes: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send("unread")
        async for _ in ws:
            raise AssertionError
        codes.append(ws.close_code)

    async def function(client: Client) -> None:
        async with client.websocket("/"):
            pass
        with pytest.raises(KeyError):
            async with client.websocket("/"):
                raise KeyError

    using(make_app(handler), function)
    assert codes == [1000, 1000]


def test_the_stop_of_the_server(using: Using) -> None:
    codes: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async for message in ws:
            await ws.send(message)
        codes.append(ws.close_code)

    stack = contextlib.AsyncExitStack()
    websockets: list[Any] = []

    async def function(client: Client) -> None:
        for _ in range(2):
            ws = await stack.enter_async_context(client.websocket("/"))
            await ws.send("a")
            assert await ws.receive() == "a"
            websockets.append(ws)

    using(make_app(handler), function)
    assert [ws.close_code for ws in websockets] == [1001, 1001]
    assert codes == [1001, 1001]
    asyncio.run(stack.aclose())


def test_a_handler_that_goes_on_is_cut_off_by_the_stop() -> None:
    seen = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def function(client: Client) -> None:
        async with client.websocket("/"):
            pass

    async def in_process() -> None:
        async with make_app(handler).test_client(shutdown_timeout=0.01) as client:
            await function(client)

    async def live() -> None:
        async with make_app(handler).live_client(limits={"shutdown_timeout": 0.01}) as client:
            await function(client)

    asyncio.run(in_process())
    asyncio.run(live())
    assert seen == ["cancelled", "cancelled"]


def test_a_handshake_that_is_given_up() -> None:
    seen = []

    async def main(make: Callable[[Kyoukai], Client]) -> None:
        begun = asyncio.Event()
        ended = asyncio.Event()

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            begun.set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            finally:
                ended.set()

        async with make(make_app(handler)) as client:
            opening = asyncio.create_task(refusal(client, "/"))
            await begun.wait()
            opening.cancel()
            await ended.wait()
            with pytest.raises(asyncio.CancelledError):
                await opening

    asyncio.run(main(lambda app: app.test_client()))
    asyncio.run(main(lambda app: app.live_client(cancel_on_disconnect=True)))
    assert seen == ["cancelled", "cancelled"]


# Who does not read


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (nobody tells of what it waits for)
            await asyncio.sleep(0.001)


async def send_pieces(ws: Any) -> None:
    for _ in range(PIECES):
        await ws.send(PIECE)


def test_a_handler_that_does_not_read_makes_send_wait(using: Using) -> None:
    order: list[str] = []
    go = asyncio.Event()

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        await go.wait()
        order.append("reading")
        order.append(f"{len([message async for message in ws])} messages")

    async def function(client: Client) -> None:
        async def send() -> None:
            await send_pieces(ws)
            order.append("sent")

        async with client.websocket("/") as ws:
            sending = asyncio.create_task(send())
            await until(lambda: ws._connection.server.is_paused)
            go.set()
            await sending

    using(make_app(handler), function)
    assert order == ["reading", "sent", f"{PIECES} messages"]


def test_a_client_that_does_not_read_makes_send_wait(using: Using) -> None:
    order: list[str] = []
    websockets: list[WebSocket] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        websockets.append(ws)
        await send_pieces(ws)
        order.append("sent")

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            (server,) = websockets
            await until(lambda: server.connection is not None and server.connection.is_paused)
            order.append("reading")
            order.append(f"{len([message async for message in ws])} messages")

    using(make_app(handler), function)
    assert order == ["reading", "sent", f"{PIECES} messages"]


def test_a_client_that_is_lost_ends_the_wait(using: Using) -> None:
    codes: list[int] = []
    websockets: list[WebSocket] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        websockets.append(ws)
        with pytest.raises(WebSocketClosed) as caught:
            await send_pieces(ws)
        codes.append(caught.value.code)

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            (server,) = websockets
            await until(lambda: server.connection is not None and server.connection.is_paused)
            ws.abort()
            await until(lambda: bool(codes))

    using(make_app(handler), function)
    assert codes == [1006]


def test_waits_time_out(using: Using) -> None:
    done = asyncio.Event()

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        await done.wait()

    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            assert ws.timeout == 30
            ws.timeout = 0.01
            with pytest.raises(TimeoutError, match=r"no message arrived within 0\.01 seconds"):
                await ws.receive()
            with pytest.raises(TimeoutError, match="the server has had no room within"):
                await send_pieces(ws)
            ws.abort()
        done.set()

    using(make_app(handler), function)


def test_only_one_task_may_receive(using: Using) -> None:
    async def function(client: Client) -> None:
        async with client.websocket("/") as ws:
            receiving = asyncio.create_task(ws.receive())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task waits"):
                await ws.receive()
            await ws.send("a")
            assert await receiving == "a"

    using(make_app(), function)


# Plain functions, and what is missing


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_plain_functions(kyoukai_client: Callable[..., BlockingClient], backend: str | None) -> None:
    client = kyoukai_client(make_app(subprotocols=["chat"]), backend=backend)
    with client.websocket("/", subprotocols=["chat"]) as ws:
        assert (ws.subprotocol, ws.headers["Sec-WebSocket-Protocol"]) == ("chat", "chat")
        for message in ("a", b"b"):
            ws.send(message)
            assert ws.receive() == message
        ws.send(["a", "b"])
        assert ws.receive() == "ab"
        ws.send_json([1])
        assert ws.receive_json() == [1]
        for message in ("a", b"b"):
            ws.send(message)
        assert (ws.receive_text(), ws.receive_bytes()) == ("a", b"b")
        assert ws.close_code is None
        ws.close(4000, "bye")
        assert (ws.close_code, ws.close_reason) == (4000, "")
        assert list(ws) == []
    with pytest.raises(WebSocketRefused, match="404"), client.websocket("/none"):
        raise AssertionError
    with pytest.raises(KeyError), client.websocket("/"):
        raise KeyError
    with client.websocket("/") as ws:
        ws.abort()
        with pytest.raises(WebSocketClosed):
            ws.receive()


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_plain_functions_and_what_a_server_says(
    kyoukai_client: Callable[..., BlockingClient], backend: str | None
) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send("a")
        await ws.send("b")
        if "fail" in ctx.request.args:
            raise LookupError("no such room")

    client = kyoukai_client(make_app(handler), backend=backend, raise_exceptions=True)
    with client.websocket("/") as ws:
        assert list(ws) == ["a", "b"]
        assert ws.close_code == 1000
    with client.websocket("/?fail") as ws:
        assert [ws.receive(), ws.receive()] == ["a", "b"]
        with pytest.raises(LookupError):
            ws.receive()


def test_a_client_that_is_not_in_use() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="not in use"):
            async with make_app().test_client().websocket("/"):
                raise AssertionError

    asyncio.run(main())


def test_without_the_library() -> None:
    code = (
        "import asyncio, sys\n"
        "sys.modules['websockets'] = None\n"
        "from kyoukai import Kyoukai\n"
        "from kyoukai.core.errors import ConfigurationError\n"
        "from kyoukai.test_client import InProcessClient, LiveClient, WebSocketRefused\n"
        "async def main():\n"
        "    for client in (InProcessClient(Kyoukai('a')), LiveClient(Kyoukai('a'))):\n"
        "        async with client:\n"
        "            assert (await client.get('/')).status_code == 404\n"
        "            try:\n"
        "                async with client.websocket('/'): pass\n"
        "            except ConfigurationError as exc:\n"
        "                assert '[websocket]' in str(exc)\n"
        "            else:\n"
        "                raise SystemExit('no error')\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
