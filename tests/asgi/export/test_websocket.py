"""WebSockets of an ASGI server: what a handler has, and what the server is sent."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import BINARY, CLOSE, CONT, TEXT

from kyoukai import HTTPRequestContext, Kyoukai, Response
from kyoukai.asgi.export.called import AnswerBrokenError
from kyoukai.asgi.export.frames import ServerFrames, client_frame
from kyoukai.websocket import WebSocket, WebSocketClosed
from kyoukai.websocket.frame_reader import FrameReader
from kyoukai.websocket.frame_writer import control_frame, frame_head
from tests.asgi.export.calls import HOST, Call, get, run, serving, turns

DENIAL = {"extensions": {"websocket.http.response": {}}}


def scope(target: str = "/", *headers: tuple[bytes, bytes], **others: Any) -> dict[str, Any]:
    """Return the scope of a WebSocket, as a server of HTTP/1.1 has it."""
    handshake = [
        (b"connection", b"keep-alive, Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-extensions", b"permessage-deflate"),
    ]
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [HOST, *handshake, *headers],
        "subprotocols": [],
        "client": ("192.0.2.1", 50712),
        "server": ("192.0.2.80", 80),
        **others,
    }


class Socket(Call):
    """A call for a WebSocket."""

    def __init__(self, app: Any, target: str = "/", *headers: tuple[bytes, bytes], **others: Any) -> None:
        super().__init__(app, scope(target, *headers, **others), {"type": "websocket.connect"})

    def say(self, message: str | bytes) -> None:
        """Let the client send a message."""
        kind = "text" if isinstance(message, str) else "bytes"
        self.put({"type": "websocket.receive", kind: message})

    def leave(self, code: int | None = 1006, **others: Any) -> None:
        """Let the client close it."""
        self.put({"type": "websocket.disconnect", "code": code, **others})

    @property
    def messages(self) -> list[str | bytes]:
        return [
            event.get("text", event.get("bytes")) for event in self.sent if event["type"] == "websocket.send"
        ]

    @property
    def closes(self) -> list[tuple[int, str]]:
        return [(event["code"], event["reason"]) for event in self.sent if event["type"] == "websocket.close"]


def make_app(handler: Callable[..., Any], **options: Any) -> Kyoukai:
    """Return an application with a handler at ``/``."""
    app = Kyoukai("sockets")
    app.websocket("/", **options)(handler)
    return app


class Echo:
    """Sends every message back, and notes the end."""

    def __init__(self) -> None:
        self.closed: list[WebSocketClosed | None] = []

    async def __call__(self, ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept([("X-One", "1")])
        async for message in ws:
            await ws.send(message)
        self.closed.append(ws.closed)


def as_handler(echo: Echo) -> Any:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await echo(ctx, ws)

    return handler


def test_messages_go_both_ways() -> None:
    async def main() -> None:
        echo = Echo()
        said: list[str | bytes] = ["", "text \N{SNOWMAN}", b"", b"\0\xff", "x" * 126, b"y" * 70000]
        async with serving(make_app(as_handler(echo), subprotocols=["chat", "other"])) as app:
            call = Socket(app, subprotocols=["other", "chat"])
            for message in said:
                call.say(message)
            await call.until(lambda: len(call.messages) == len(said))
            accept = {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-one", b"1")]}
            assert call.sent[0] == accept
            assert call.messages == said
            call.leave(3001, reason="mine")
            await call.end()
        [closed] = echo.closed
        assert closed is not None
        assert (closed.code, closed.reason) == (3001, "mine")
        assert call.closes == []

    run(main)


@pytest.mark.parametrize(
    ("code", "told"),
    [(1000, 1000), (1001, 1001), (1012, 1012), (1005, 1005), (None, 1006), (1006, 1006), (999, 1005)],
)
def test_the_end_has_the_code_that_the_server_tells(code: int | None, told: int) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(make_app(as_handler(echo))) as app:
            call = Socket(app)
            call.say("one")
            await call.until(lambda: call.messages)
            call.leave(code)
            await call.end()
        [closed] = echo.closed
        assert closed is not None
        assert closed.code == told
        assert call.closes == []

    run(main)


def test_fragments_are_one_message() -> None:
    async def main() -> None:
        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            async def pieces() -> Any:
                for piece in ("one ", "two ", "three"):
                    yield piece
                    await asyncio.sleep(0)

            await ws.send(pieces())
            await ws.send("next")

        async with serving(make_app(handler)) as app:
            call = Socket(app)
            await call.end()
        assert call.messages == ["one two three", "next"]
        assert call.closes == [(1000, "")]

    run(main)


@pytest.mark.parametrize(
    ("how", "close"),
    [
        ("return", (1000, "")),
        ("close", (4001, "bye")),
        ("raise", (1011, "")),
        ("unfit", (1003, "a text is expected")),
    ],
)
def test_a_handler_closes_it(how: str, close: tuple[int, str], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.receive_text()
            if how == "close":
                await ws.close(4001, "bye")
            elif how == "raise":
                raise ValueError("as it is to")

        async with serving(make_app(handler)) as app:
            call = Socket(app)
            call.say(b"" if how == "unfit" else "go")
            await call.end()
            assert call.closes == [close]

    run(main)


def test_messages_behind_a_close_are_dropped() -> None:
    async def main() -> None:
        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.close(4000)
            with pytest.raises(WebSocketClosed):
                await ws.receive()

        async def accepting(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            await handler(ctx, ws)

        async with serving(make_app(accepting)) as app:
            call = Socket(app)
            call.say("crosses it")
            call.leave(4000)
            await call.end()
        assert call.closes == [(4000, "")]

    run(main)


@pytest.mark.parametrize("message", ["x" * 11, b"x" * 11, "x" * 70000])
def test_a_message_that_is_too_large_closes_it(message: str | bytes) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(make_app(as_handler(echo), max_message_size=10)) as app:
            call = Socket(app)
            call.say(message)
            await call.end()
        [(code, _)] = call.closes
        assert code == 1009
        [closed] = echo.closed
        assert closed is not None
        assert closed.code == 1009

    run(main)


def test_a_handler_that_reads_slowly_is_not_given_more() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            await go_on.wait()
            sizes = [len(message) async for message in ws]
            assert sizes == [1000] * 100

        async with serving(make_app(handler, max_unread_size=10_000)) as app:
            call = Socket(app)
            for _ in range(100):
                call.say(b"x" * 1000)
            call.leave(1000)
            await call.until(lambda: call.asked > 10)
            await turns(100)
            assert call.asked < 90
            go_on.set()
            await call.end()

    run(main)


def test_a_server_that_takes_slowly_makes_the_handler_wait() -> None:
    async def main() -> None:
        sent = 0

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            nonlocal sent
            await ws.accept()
            for _ in range(100):
                await ws.send(b"x" * 10_000)
                sent += 1

        async with serving(make_app(handler)) as app:
            call = Socket(app)
            call.room.clear()
            await call.until(lambda: call.sent)
            await turns(100)
            assert sent < 20
            call.room.set()
            await call.end()
        assert len(call.messages) == 100

    run(main)


def test_client_attributes_belong_to_the_websocket() -> None:
    async def main() -> None:
        ends: list[bool] = []

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            ends.append(ctx.proto.client_gone)
            await ws.send_json({name: str(value) for name, value in ctx.environ.items()})
            with pytest.raises(WebSocketClosed):
                await ws.receive()

        async with serving(make_app(handler)) as app:
            call = Socket(app, "/", (b"x-two", b"2"), scheme="wss", root_path="")
            await call.until(lambda: call.messages)
            call.leave()
            await call.end()
        environ = json.loads(call.messages[0])
        assert environ["wsgi.url_scheme"] == "https"
        assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"]) == ("192.0.2.1", "192.0.2.80")
        assert environ["HTTP_X_TWO"] == "2"
        # Compression is between the client and the server.
        assert "HTTP_SEC_WEBSOCKET_EXTENSIONS" not in environ

    run(main)


def test_by_http2_a_websocket_has_no_key() -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(make_app(as_handler(echo))) as app:
            call = Socket(app, headers=[HOST], http_version="2")
            call.say("one")
            await call.until(lambda: call.messages)
            call.leave()
            await call.end()
        assert call.messages == ["one"]

    run(main)


# Refusals


async def refuse(ctx: HTTPRequestContext, ws: WebSocket) -> Response:
    return Response("not you", status=402, headers={"X-Why": "money"})


def test_a_refusal_is_an_answer_where_the_server_can() -> None:
    async def main() -> None:
        async with serving(make_app(refuse)) as app:
            call = await Socket(app, **DENIAL).end()
            assert (call.status, call.body, call.fields[b"x-why"]) == (402, b"not you", b"money")
            assert call.sent[-1]["more_body"] is False
            assert call.closes == []
            call = await Socket(app, "/nowhere", **DENIAL).end()
            assert call.status == 404

    run(main)


@pytest.mark.parametrize("target", ["/", "/nowhere"])
def test_a_refusal_is_a_close_where_the_server_cannot(target: str) -> None:
    async def main() -> None:
        async with serving(make_app(refuse)) as app:
            call = await Socket(app, target).end()
        assert call.sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]

    run(main)


def test_a_refusal_may_be_a_stream() -> None:
    async def main() -> None:
        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> Response:
            async def pieces() -> Any:
                for number in range(3):
                    yield b"%d" % number
                    await asyncio.sleep(0)

            return Response(pieces(), status=403)

        async with serving(make_app(handler)) as app:
            assert (await Socket(app, **DENIAL).end()).body == b"012"
            assert (await Socket(app).end()).closes == [(1000, "")]

    run(main)


def test_a_request_for_a_page_is_told_to_upgrade() -> None:
    async def main() -> None:
        async with serving(make_app(as_handler(Echo()))) as app:
            told = await get(app, b"/", (b"upgrade", b"h2c"))
            assert (told.status, told.fields[b"upgrade"]) == (426, b"websocket")
            # The server that is asked for a WebSocket by a request opens none.
            asking = [
                (b"connection", b"upgrade"),
                (b"upgrade", b"websocket"),
                (b"sec-websocket-version", b"13"),
            ]
            assert (await get(app, b"/", *asking)).status == 501

    run(main)


def test_pages_of_other_origins_are_refused() -> None:
    async def main() -> None:
        async with serving(make_app(as_handler(Echo()))) as app:
            call = await Socket(app, "/", (b"origin", b"http://evil.example"), **DENIAL).end()
            assert call.status == 403
            call = Socket(app, "/", (b"origin", b"http://example.com"), **DENIAL)
            await call.until(lambda: call.sent)
            assert call.sent[0]["type"] == "websocket.accept"
            call.leave()
            await call.end()

    run(main)


def test_the_policy_refuses_handshakes_too() -> None:
    async def main() -> None:
        async with serving(make_app(refuse), limits={"max_field_size": 256}) as app:
            assert (await Socket(app, "/", (b"x", b"y" * 300), **DENIAL).end()).status == 431
            assert (await Socket(app, "/", headers=[], **DENIAL).end()).status == 400

    run(main)


# The end


def test_a_client_that_goes_before_it_is_accepted_gets_nothing() -> None:
    async def main() -> None:
        begun, go_on, noted = asyncio.Event(), asyncio.Event(), []

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            begun.set()
            await go_on.wait()
            try:
                await ws.accept()
            except WebSocketClosed as closed:
                noted.append(closed.code)
                raise

        async with serving(make_app(handler)) as app:
            call = Socket(app)
            await begun.wait()
            call.leave()
            await turns()
            go_on.set()
            await call.end()
        assert (call.sent, noted) == ([], [1006])

    run(main)


def test_a_server_that_does_not_connect_gets_nothing() -> None:
    async def main() -> None:
        async with serving(make_app(refuse)) as app:
            call = Call(app, scope(), {"type": "websocket.disconnect", "code": 1006})
            await call.end()
        assert call.sent == []

    run(main)


def test_handler_of_a_lost_client_follows_the_setting() -> None:
    async def main() -> None:
        for cancels in (False, True):
            begun, notes = asyncio.Event(), []
            go_on = asyncio.Event()

            async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
                await ws.accept()
                begun.set()  # noqa: B023
                try:
                    await go_on.wait()  # noqa: B023
                    notes.append("went on")  # noqa: B023
                except asyncio.CancelledError:
                    notes.append("cancelled")  # noqa: B023
                    raise

            async with serving(make_app(handler), cancel_on_disconnect=cancels) as app:
                call = Socket(app)
                await begun.wait()
                call.leave()
                await turns()
                go_on.set()
                await call.end()
            assert notes == (["cancelled"] if cancels else ["went on"])

    run(main)


def test_a_stop_closes_it_and_waits_for_its_handler() -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(make_app(as_handler(echo))) as app:
            call = Socket(app)
            await call.until(lambda: call.sent)
        await call.end()
        assert call.closes == [(1001, "the server stops")]
        assert len(echo.closed) == 1

    run(main)


def test_a_call_that_is_cancelled_cancels_the_handler() -> None:
    async def main() -> None:
        notes: list[str] = []

        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            try:
                await asyncio.Event().wait()
            finally:
                notes.append("ended")

        async with serving(make_app(handler)) as app:
            call = Socket(app)
            await call.until(lambda: call.sent)
            call.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call.end()
        assert notes == ["ended"]

    run(main)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async def main() -> None:
        async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
            await ws.accept()
            while True:
                await ws.send(b"x" * 10_000)

        async with serving(make_app(handler), limits={"write_timeout": 0.05}) as app:
            call = Socket(app)
            call.room.clear()
            with pytest.raises(AnswerBrokenError):
                await call.end()

    run(main)


def test_a_client_is_not_asked_whether_it_is_there() -> None:
    # The server does, and answers for it here.
    async def main() -> None:
        echo = Echo()
        app = make_app(as_handler(echo), ping_interval=0.01, ping_timeout=0.01)
        async with serving(app, limits={"write_timeout": 0.02}) as exported:
            call = Socket(exported)
            await call.until(lambda: call.sent)
            server = exported._serving.wire((), is_websocket=True).server
            since = server.clock
            while server.clock < since + 0.1:  # noqa: ASYNC110 - the clock has no event
                await asyncio.sleep(0.001)
            assert echo.closed == []
            call.leave(1000)
            await call.end()
        assert call.closes == []

    run(main)


# Frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_messages_are_frames_of_a_client(size: int) -> None:
    reader = FrameReader(100_000, 100_000)
    reader.feed(client_frame(TEXT, b"x" * size) + client_frame(BINARY, b"y" * size))
    assert reader.read() == "x" * size
    assert reader.read() == b"y" * size
    assert reader.read() is None


@pytest.mark.parametrize("cut", range(1, 12))
@pytest.mark.parametrize("size", [0, 5, 126, 65536])
def test_frames_of_a_server_are_messages_wherever_they_are_cut(size: int, cut: int) -> None:
    payload = b"x" * size
    data = b"".join(
        [
            frame_head(TEXT, size) + payload,
            frame_head(BINARY, size, fin=False) + payload,
            control_frame(CLOSE, b"\x03\xe8"),
            frame_head(CONT, size) + payload,
        ]
    )
    frames = ServerFrames()
    read = [*frames.read(data[:cut]), *frames.read(data[cut:])]
    assert read == [(TEXT, payload), (CLOSE, b"\x03\xe8"), (BINARY, payload * 2)]
