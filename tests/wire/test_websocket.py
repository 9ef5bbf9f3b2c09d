"""WebSockets over real sockets: the handshake, messages, and every way to end."""

import asyncio
import contextlib
import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import NotFound

from kyoukai import (
    HTTP1_FEATURES,
    Blueprint,
    CookieSessions,
    Feature,
    HTTPRequestContext,
    Kyoukai,
    Response,
)
from kyoukai.websocket import WebSocket, WebSocketClosed, broadcast

from ..serving import Client, Running, error_records, message
from ..websocket.frames import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Read,
    close,
    deflated,
    frame,
    receive_frame,
)

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

Serve = Callable[..., Running]


def handshake(target: str = "/", *fields: str) -> bytes:
    """Return a request for a WebSocket."""
    own = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
    )
    return message("GET", target, *own, *fields)


def opened(client: Client, target: str = "/", *fields: str) -> dict[str, str]:
    """Open a WebSocket, and return the fields of the answer."""
    client.send(handshake(target, *fields))
    head = client.receive_head()
    assert head.status == 101, head
    return head.fields


def receive(client: Client) -> Read:
    """Return the server's next frame."""
    return receive_frame(client.receive_exactly)


def closing(code: int, reason: bytes = b"") -> Read:
    return Read(CLOSE, code.to_bytes(2) + reason)


async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for received in ws:
        await ws.send(received)


def make_app(handler: Any = echo, url: str = "/", **options: Any) -> Kyoukai:
    app = Kyoukai("sockets")
    app.websocket(url, **options)(handler)
    return app


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Any:
    """What a client does is no error of the server's."""
    yield
    assert error_records(caplog) == []


# The handshake


def test_the_answer(serve: Serve) -> None:
    with serve(make_app()).connect() as client:
        fields = opened(client)
    assert fields["sec-websocket-accept"] == ACCEPT
    assert (fields["upgrade"], fields["connection"]) == ("websocket", "Upgrade")
    assert not {"content-length", "content-type", "transfer-encoding"} & fields.keys()


def test_a_message_that_comes_with_the_handshake(serve: Serve) -> None:
    with serve(make_app()).connect() as client:
        client.send(handshake() + frame(TEXT, b"early"))
        assert client.receive_head().status == 101
        assert receive(client) == Read(TEXT, b"early")


def test_plain_request_to_a_websocket_route(serve: Serve) -> None:
    with serve(make_app()).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert answer.status == 426
            assert (answer.fields["upgrade"], answer.fields["connection"]) == ("websocket", "Upgrade")
            assert answer.fields["sec-websocket-version"] == "13"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"], 400),
        (
            [
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 8",
                f"Sec-WebSocket-Key: {KEY}",
            ],
            426,
        ),
        (["Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"], 426),
        (["Upgrade: h2c", "Connection: Upgrade"], 426),
    ],
)
def test_a_handshake_that_is_refused(serve: Serve, fields: list[str], status: int) -> None:
    with serve(make_app()).connect() as client:
        assert client.request(message("GET", "/", *fields)).status == status
        assert client.request(handshake("/nowhere")).status == 404


@pytest.mark.parametrize("request_", [handshake(), message()], ids=["handshake", "plain request"])
def test_a_backend_that_opens_no_tunnels(
    serve: Serve, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    """It says so to the client and to whoever runs it: 426 would have the client try again."""
    server = serve(make_app())
    server.server.features = HTTP1_FEATURES - {Feature.TUNNEL}
    with server.connect() as client:
        for _ in range(2):
            answer = client.request(request_)
            assert answer.status == 501
            assert "upgrade" not in answer.fields
            assert b"this server cannot open WebSockets" in answer.body
    records = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.name for record in records] == ["kyoukai.websocket"] * 2
    text = "the backend does not claim the feature 'tunnel'; choose one that does"
    assert all(
        record.getMessage().startswith("WebSocket '/': refused with 501 (request id ") for record in records
    )
    assert all(record.getMessage().endswith(text) for record in records)


def test_another_method(serve: Serve) -> None:
    with serve(make_app()).connect() as client:
        for _ in range(2):
            answer = client.request(message("POST", "/", body=b""))
            # GET is what opens it, and HEAD is answered as a GET that does not: neither gets 405.
            assert (answer.status, answer.fields["allow"]) == (405, "GET, HEAD, OPTIONS")
            answer = client.request(message("OPTIONS", "/"))
            assert (answer.status, answer.fields["allow"]) == (200, "GET, HEAD, OPTIONS")
            assert client.request(message("HEAD", "/"), "HEAD").status == 426


def test_other_methods_of_its_url_beside_it(serve: Serve) -> None:
    app = make_app(url="/room", endpoint="socket")
    app.route("/room", methods=["POST"])(lambda ctx: "said")
    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request(message("POST", "/room", body=b"")).body == b"said"
            # No 405: that would say that GET is not one of its methods.
            for method in ("GET", "HEAD"):
                answer = client.request(message(method, "/room"), method)
                assert (answer.status, answer.fields["upgrade"]) == (426, "websocket")
            for method, status in (("PUT", 405), ("OPTIONS", 200)):
                answer = client.request(message(method, "/room"))
                assert (answer.status, answer.fields["allow"]) == (status, "GET, HEAD, OPTIONS, POST")
        opened(client, "/room")


@pytest.mark.parametrize("order", [["page", "socket"], ["socket", "page"]])
def test_a_page_and_a_websocket_of_one_url(serve: Serve, order: list[str]) -> None:
    app = Kyoukai("both")

    async def page(ctx: HTTPRequestContext) -> str:
        return "page"

    for kind in order:
        if kind == "page":
            app.route("/both")(page)
            app.route("/<name>")(lambda ctx, name: name)
        else:
            app.websocket("/both")(echo)
            app.websocket("/<name>", endpoint="named")(named)
    server = serve(app)
    for path, text in [("/both", b"page"), ("/x", b"x")] * 2:
        assert server.request(message("GET", path)).body == text
        with server.connect() as client:
            opened(client, path)
            client.send(frame(TEXT, b"hello"))
            assert receive(client).opcode == TEXT


async def named(ctx: HTTPRequestContext, ws: WebSocket, name: str) -> None:
    await ws.send(f"this is {name}")


def test_a_websocket_to_a_plain_route_is_served_as_a_request(serve: Serve) -> None:
    app = make_app()
    app.route("/plain")(lambda ctx: "plain")
    with serve(app).connect() as client:
        assert client.request(handshake("/plain")).body == b"plain"
        assert client.request(message("GET", "/plain")).body == b"plain"


def test_variables_blueprints_and_hosts(serve: Serve) -> None:
    app = Kyoukai("hosts")
    rooms = Blueprint("rooms", prefix="/rooms", host="localhost", parent=app)

    @rooms.websocket("/<int:number>", defaults={"kind": "small"})
    async def room(ctx: HTTPRequestContext, ws: WebSocket, number: int, kind: str) -> None:
        await ws.send(f"{number} {kind} {ctx.url_for('.room', number=number + 1)}")

    server = serve(app)
    with server.connect() as client:
        opened(client, "/rooms/7")
        assert receive(client) == Read(TEXT, b"7 small ws://localhost/rooms/8")
    elsewhere = handshake("/rooms/7").replace(b"Host: localhost", b"Host: elsewhere")
    assert server.request(elsewhere).status == 404
    assert server.request(message("GET", "/rooms/7")).status == 426


def test_the_origin_of_a_page(serve: Serve) -> None:
    server = serve(make_app())
    assert server.request(handshake("/", "Origin: http://evil.example")).status == 403
    with server.connect() as client:
        opened(client, "/", "Origin: http://localhost")


def test_a_subprotocol(serve: Serve) -> None:
    async def say(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send(str(ws.subprotocol))

    server = serve(make_app(say, subprotocols=["v2", "v1"]))
    for offered, chosen in [("v1, v2", "v2"), ("v1", "v1")]:
        with server.connect() as client:
            assert (
                opened(client, "/", f"Sec-WebSocket-Protocol: {offered}")["sec-websocket-protocol"] == chosen
            )
            assert receive(client).payload == chosen.encode()
    with server.connect() as client:
        assert "sec-websocket-protocol" not in opened(client)
        assert receive(client).payload == b"None"


# Who may refuse, and what is told of it


def test_a_handler_that_answers_by_itself(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> Any:
        if ctx.request.args:
            raise NotFound
        return Response("not today", 503)

    app = make_app(handler)
    app.errorhandler(404)(lambda ctx, error: ("no such room", 404))
    with serve(app).connect() as client:
        answer = client.request(handshake())
        assert (answer.status, answer.body) == (503, b"not today")
        assert client.request(handshake("/?a=1")).body == b"no such room"


@pytest.mark.parametrize("how", ["close", "return"])
def test_a_handler_that_does_not_accept(serve: Serve, how: str) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        if how == "close":
            await ws.close()
            with pytest.raises(WebSocketClosed):
                await ws.send("a")

    with serve(make_app(handler)).connect() as client:
        assert client.request(handshake()).status == 403
        assert client.request(handshake()).status == 403


def test_a_hook_before_may_refuse(serve: Serve) -> None:
    app = make_app()
    app.before_request(lambda ctx: ("members only", 401) if not ctx.request.authorization else None)
    server = serve(app)
    answer = server.request(handshake())
    assert (answer.status, answer.body) == (401, b"members only")
    with server.connect() as client:
        opened(client, "/", "Authorization: Basic YTpi")


def test_hooks_after_and_the_session_are_of_the_handshake(serve: Serve) -> None:
    seen = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        ctx.session["visits"] = ctx.session.get("visits", 0) + 1
        await ws.accept([("X-Own", "1")])
        seen.append(len(called))
        await ws.send(str(ctx.session["visits"]))

    called: list[int] = []
    app = Kyoukai("sessions", sessions=CookieSessions("k" * 32))
    app.websocket("/")(handler)

    @app.after_request
    async def note(ctx: HTTPRequestContext, response: Response) -> None:
        called.append(response.status_code)
        response.headers["X-After"] = "2"

    server = serve(app)
    with server.connect() as client:
        fields = opened(client)
        assert (fields["x-own"], fields["x-after"]) == ("1", "2")
        assert receive(client) == Read(TEXT, b"1")
        assert receive(client) == closing(1000)
    with server.connect() as client:
        opened(client, "/", f"Cookie: {fields['set-cookie'].partition(';')[0]}")
        assert receive(client) == Read(TEXT, b"2")
    assert (seen, called) == ([1, 2], [101, 101])


def test_a_hook_after_may_refuse(serve: Serve) -> None:
    app = make_app()
    app.after_request(lambda ctx, response: ("changed my mind", 418) if response.status_code == 101 else None)
    answer = serve(app).request(handshake())
    assert (answer.status, answer.body) == (418, b"changed my mind")


# Messages


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 65536, 300_000])
def test_messages(serve: Serve, size: int, compression: bool) -> None:
    with serve(make_app(compression=compression)).connect() as client:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        assert ("sec-websocket-extensions" in opened(client, "/", offer)) is compression
        payload = b"\xc3\xa9" * (size // 2) + b"x" * (size % 2)
        for opcode in (TEXT, BINARY):
            client.send(frame(opcode, payload))
            answer = receive(client)
            assert (answer.opcode, answer.fin) == (opcode, True)
            assert answer.compressed is (compression and size >= 64)
            if not answer.compressed:
                assert answer.payload == payload


def test_a_message_that_inflates_to_too_much(serve: Serve) -> None:
    with serve(make_app(compression=True)).connect() as client:
        opened(client, "/", "Sec-WebSocket-Extensions: permessage-deflate")
        client.send(frame(TEXT, b"before") + frame(BINARY, deflated(bytes(2_000_000), 15), reserved=4))
        assert receive(client).payload == b"before"
        assert receive(client) == closing(1009, b"message of more than 1048576 bytes")
        assert client.receive_rest() == b""


def test_fragments_and_json(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async def pieces() -> Any:
            yield "ab"
            yield "c"
            yield ""

        await ws.send(pieces())
        await ws.send_json({"got": await ws.receive_json()})

    with serve(make_app(handler)).connect() as client:
        opened(client)
        client.send(frame(TEXT, b"[1, ", fin=False) + frame(PING, b"?") + frame(CONT, b"2]"))
        frames = [receive(client) for _ in range(5)]
        assert sorted(frames[:4], key=lambda read: read.opcode) == [
            Read(CONT, b"c", fin=False),
            Read(CONT, b""),
            Read(TEXT, b"ab", fin=False),
            Read(PONG, b"?"),
        ]
        assert frames[4] == Read(TEXT, b'{"got":[1,2]}')


@pytest.mark.parametrize("fault", ["raises", "mixes"])
def test_fragments_that_fail_end_the_websocket(serve: Serve, fault: str) -> None:
    async def pieces() -> Any:
        yield "a"
        yield "b"
        if fault == "raises":
            raise LookupError("a bug")
        yield b"c"

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises(LookupError if fault == "raises" else TypeError):
            await ws.send(pieces())

    with serve(make_app(handler)).connect() as client:
        opened(client)
        assert receive(client) == Read(TEXT, b"a", fin=False)
        assert receive(client) == closing(1011)


def test_other_messages_wait_for_the_end_of_fragments(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        go_on = asyncio.Event()

        async def pieces() -> Any:
            yield "a"
            yield "b"
            await go_on.wait()
            yield "c"

        await ws.accept()
        fragments = asyncio.create_task(ws.send(pieces()))
        await asyncio.sleep(0)
        other = asyncio.create_task(ws.send("other"))
        await asyncio.sleep(0)
        assert broadcast([ws], "to all") == [ws]
        go_on.set()
        await asyncio.gather(fragments, other)

    with serve(make_app(handler)).connect() as client:
        opened(client)
        texts = [receive(client).payload for _ in range(4)]
        assert texts == [b"a", b"b", b"c", b"other"]


def test_invalid_message(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with pytest.raises(TypeError, match="a message must be str, bytes"):
            await ws.send(1)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="accepted already"):
            await ws.accept()

    with serve(make_app(handler)).connect() as client:
        opened(client)
        assert receive(client) == closing(1000)


# Closing


def test_a_client_that_closes(serve: Serve) -> None:
    codes: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        assert not ctx.client_gone
        async for _ in ws:
            pass
        codes.append(ws.close_code)
        assert ctx.client_ended
        with pytest.raises(WebSocketClosed) as caught:
            await ws.send("late")
        assert caught.value.code == ws.close_code

    server = serve(make_app(handler))
    for sent, code in [(close(1000), 1000), (close(4321, b"bye"), 4321), (close(None), 1005)]:
        with server.connect() as client:
            opened(client)
            client.send(sent)
            assert receive(client) == Read(CLOSE, b"" if code == 1005 else code.to_bytes(2))
            assert client.receive_rest() == b""
            server.wait_until_empty()
        assert codes.pop() == code


@pytest.mark.parametrize("answers", [True, False])
def test_a_handler_that_closes(serve: Serve, answers: bool) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send("last words")
        await ws.close(4000, "enough")
        await ws.close(4001)
        with pytest.raises(WebSocketClosed):
            await ws.receive()

    server = serve(make_app(handler, close_timeout=60 if answers else 0.1))
    with server.connect() as client:
        opened(client)
        assert receive(client) == Read(TEXT, b"last words")
        assert receive(client) == closing(4000, b"enough")
        if answers:
            client.send(frame(TEXT, b"crossed it") + close(4000))
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("size", [1, 100_000, 4_000_000])
def test_sent_messages_arrive_before_the_close(serve: Serve, size: int) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send(bytes(size))

    with serve(make_app(handler)).connect() as client:
        opened(client)
        # What the server never reads would have its system send a reset, which destroys what it sent.
        client.send(frame(BINARY, bytes(50_000)) * 4)
        assert len(receive(client).payload) == size
        assert receive(client) == closing(1000)
        client.send(close(1000))
        assert client.receive_rest() == b""


def test_a_handler_that_raises(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.receive()
        raise LookupError("a bug")

    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        client.send(frame(TEXT, b"a"))
        assert receive(client) == closing(1011)
        client.send(close(1011))
        assert client.receive_rest() == b""
    server.wait_until_empty()
    (record,) = error_records(caplog)
    assert "'/': unhandled exception" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError
    caplog.clear()


def test_the_end_of_another_websocket_is_a_failure_of_the_handler(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        raise WebSocketClosed(1000)

    with serve(make_app(handler)).connect() as client:
        opened(client)
        assert receive(client) == closing(1011)
    (record,) = error_records(caplog)
    assert "unhandled exception" in record.getMessage()
    caplog.clear()


def test_a_handler_that_meets_the_end(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        while True:
            await ws.receive()

    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        client.send(close(1000))
        assert receive(client) == closing(1000)
    server.wait_until_empty()


def test_messages_before_a_close_are_answered(serve: Serve) -> None:
    with serve(make_app()).connect() as client:
        opened(client)
        client.send(frame(TEXT, b"a") + frame(TEXT, b"b") + close(1000))
        assert [receive(client) for _ in range(3)] == [Read(TEXT, b"a"), Read(TEXT, b"b"), closing(1000)]


def test_a_close_does_not_wait_for_a_handler_that_is_busy(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.receive()
        await ctx.wait_client_ended()
        await ended.wait()

    ended = asyncio.Event()
    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        client.send(frame(TEXT, b"subscribe") + close(1000))
        assert receive(client) == closing(1000)
        assert client.receive_rest() == b""
        server.call(ended.set)
    server.wait_until_empty()


@pytest.mark.parametrize(
    ("data", "code"),
    [(frame(TEXT, b"a", mask=None), 1002), (frame(TEXT, b"\xff"), 1007), (frame(TEXT, size=2**40), 1009)],
)
def test_a_client_that_breaks_the_protocol(serve: Serve, data: bytes, code: int) -> None:
    server = serve(make_app())
    with server.connect() as client:
        opened(client)
        client.send(frame(TEXT, b"before") + data)
        assert receive(client) == Read(TEXT, b"before")
        answer = receive(client)
        assert (answer.opcode, int.from_bytes(answer.payload[:2])) == (CLOSE, code)
        client.send(b"whatever" * 1000)
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("how", ["end", "reset"])
@pytest.mark.parametrize(
    "partial", [b"", b"\x81", frame(TEXT, b"hello")[:8]], ids=["idle", "head", "payload"]
)
def test_a_client_that_is_lost(serve: Serve, how: str, partial: bytes) -> None:
    codes: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async for _ in ws:
            pass
        codes.append(ws.close_code)

    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        client.send(partial)
        client.end() if how == "end" else client.reset()
        server.wait_until_empty()
        server.wait_until(lambda: codes)
    assert codes == [1006]


@pytest.mark.parametrize("cancels", [True, False])
def test_cancel_on_disconnect(serve: Serve, cancels: bool) -> None:
    seen: list[str] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        try:
            await ctx.wait_client_ended()
            await asyncio.sleep(0 if not cancels else 3600)
            seen.append("went on")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    server = serve(make_app(handler), cancel_on_disconnect=cancels)
    with server.connect() as client:
        opened(client)
        client.reset()
        server.wait_until(lambda: seen)
    assert seen == ["cancelled" if cancels else "went on"]


def test_a_stop(serve: Serve) -> None:
    seen: list[int | None] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async for received in ws:
            await ws.send(received)
        seen.append(ws.close_code)

    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        client.send(frame(TEXT, b"a"))
        assert receive(client).payload == b"a"
        server.begin_stop()
        assert receive(client) == closing(1001, b"the server stops")
        client.send(close(1001))
        assert client.receive_rest() == b""
    server.stop()
    assert seen == [1001]


def test_a_stop_before_it_is_accepted(serve: Serve) -> None:
    """The last connection is another protocol's by then, and its handler ends in order all the same."""
    release = asyncio.Event()
    seen: list[Any] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        seen.append("begun")
        await release.wait()
        await ws.accept()
        try:
            async for _ in ws:
                pass
        finally:
            await asyncio.sleep(0.05)
            seen.append(ws.close_code)

    server = serve(make_app(handler))
    with server.connect() as client:
        client.send(handshake())
        server.wait_until(lambda: seen)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        server.call(release.set)
        assert client.receive_head().status == 101
        assert receive(client) == closing(1001, b"the server stops")
        client.send(close(1001))
        assert client.receive_rest() == b""
    server.stop()
    assert seen == ["begun", 1001]


def test_a_stop_does_not_wait_for_a_client_that_does_not_answer(serve: Serve) -> None:
    server = serve(make_app(), limits={"shutdown_timeout": 0.2})
    with server.connect() as client:
        opened(client)
        server.begin_stop()
        assert receive(client) == closing(1001, b"the server stops")
        server.stop()


# Who is there, and who keeps up


def test_pings(serve: Serve) -> None:
    with serve(make_app(ping_interval=0.1), limits={"linger_timeout": 0.1}).connect() as client:
        opened(client)
        for _ in range(2):
            assert receive(client) == Read(PING, b"")
            client.send(frame(PONG))
        client.send(frame(PING, b"and you?"))
        assert receive(client) == Read(PONG, b"and you?")


def test_a_client_that_does_not_answer_pings(serve: Serve) -> None:
    server = serve(make_app(ping_interval=0.1, ping_timeout=0.1), limits={"linger_timeout": 0.1})
    with server.connect() as client:
        opened(client)
        assert receive(client) == Read(PING, b"")
        assert receive(client) == closing(1011, b"no answer to a ping")
        assert client.receive_rest() == b""
    server.wait_until_empty()


def test_a_handler_that_does_not_read_makes_the_client_wait(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        await go_on.wait()
        for _ in range(200):
            sizes.append(len(await ws.receive()))

    go_on, sizes = asyncio.Event(), []
    server = serve(make_app(handler, max_unread_size=1000))
    with server.connect() as client:
        opened(client)
        client.socket.settimeout(0.3)
        data = frame(BINARY, bytes(50_000))
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 200:
                client.send(data)
                sent += 1
        assert sent < 200
        server.call(go_on.set)
        server.wait_until(lambda: len(sizes) >= sent)


def test_a_client_that_sends_much_with_its_handshake_has_to_wait(serve: Serve) -> None:
    """What has come before it is accepted may fill what may lie unread."""
    go = asyncio.Event()
    received: list[Any] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        await go.wait()
        async for received_message in ws:
            received.append(received_message)

    server = serve(make_app(handler, max_unread_size=1024))
    with server.connect() as client:
        client.send(handshake() + frame(TEXT, b"x" * 1024) + frame(TEXT, b"y"))
        assert client.receive_head().status == 101
        server.wait_until(lambda: server.connection.inbox)
        assert not server.call(server.connection.transport.is_reading)
        server.call(go.set)
        server.wait_until(lambda: len(received) == 2)
        client.send(frame(TEXT, b"z"))
        server.wait_until(lambda: received[2:] == ["z"])


def test_a_client_that_does_not_read_makes_the_handler_wait(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        with contextlib.suppress(WebSocketClosed):
            for _ in range(10_000):
                await ws.send(bytes(50_000))
                sent.append(1)
        ended.append(broadcast([ws], "x"))

    sent: list[int] = []
    ended: list[Any] = []
    server = serve(make_app(handler), limits={"write_timeout": 0.2})
    with server.connect() as client:
        opened(client)
        server.wait_until(lambda: ended)
    assert len(sent) < 10_000
    assert ended == [[]]


def test_a_handler_that_only_sends_leaves_the_loop_to_others(serve: Serve) -> None:
    turns: list[int] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        asyncio.get_running_loop().call_soon(turns.append, 1)
        for _ in range(100):
            await ws.send(b"x")
        turns.append(2)

    with serve(make_app(handler)).connect() as client:
        opened(client)
        assert [receive(client).payload for _ in range(100)] == [b"x"] * 100
        assert receive(client) == closing(1000)
    assert turns == [1, 2]


def test_no_garbage_cycles_are_left(serve: Serve) -> None:
    kept: list[weakref.ref[Any]] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        kept.extend([weakref.ref(ws), weakref.ref(ws.connection), weakref.ref(ctx)])
        async for _ in ws:
            pass

    server = serve(make_app(handler))
    server.call(gc.disable)
    try:
        with server.connect() as client:
            opened(client)
            client.send(close(1000))
            assert receive(client) == closing(1000)
            assert client.receive_rest() == b""
        server.wait_until(lambda: kept and all(one() is None for one in kept))
    finally:
        gc.enable()


def test_a_transport_that_closes_takes_no_message(serve: Serve) -> None:
    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        assert ws.connection is not None
        ws.connection.transport.abort()
        with pytest.raises(WebSocketClosed):
            await ws.send(b"x")
        ended.append(ws)

    ended: list[WebSocket] = []
    server = serve(make_app(handler))
    with server.connect() as client:
        opened(client)
        server.wait_until(lambda: ended)


def test_broadcast_does_not_wait_for_slow_readers(serve: Serve) -> None:
    everyone: list[WebSocket] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        everyone.append(ws)
        async for _ in ws:
            pass

    server = serve(make_app(handler))
    with server.connect() as slow, server.connect() as quick:
        opened(slow)
        server.wait_until(lambda: len(everyone) == 1)
        opened(quick)
        server.wait_until(lambda: len(everyone) == 2)

        def fill() -> int:
            for count in range(1000):
                if broadcast(everyone[:1], bytes(100_000)):
                    return count
            return -1

        assert 0 < server.call(fill) < 1000
        assert server.call(broadcast, everyone, "news") == [everyone[0]]
        assert receive(quick) == Read(TEXT, b"news")


# The log


def test_the_access_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    server = serve(make_app(url="/rooms/<name>", handler=named))
    with server.connect() as client:
        opened(client, "/rooms/a")
        assert receive(client).payload == b"this is a"
        assert receive(client) == closing(1000)
        client.send(close(1000))
        assert client.receive_rest() == b""
    server.wait_until_empty()
    lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert '"GET /rooms/a HTTP/1.1" 101 0 ' in lines[0]
    assert '"GET /rooms/a HTTP/1.1" 101 0 ' in lines[1]
    # The close of the client has 8 bytes, and the message of the server 11.
    assert lines[1].endswith(" websocket code=1000 messages=0/1 bytes=8/11")
    assert len(lines) == 2
