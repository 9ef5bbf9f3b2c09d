"""ASGI applications below a prefix, over real sockets: streams, ends, extensions and WebSockets."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import flask
import pytest

from kyoukai import HTTP1_FEATURES, Feature, HTTPRequestContext, Kyoukai, Response
from kyoukai.asgi import ASGIApplication

from ..serving import PATIENCE, Client, Running, chunks, error_records, message
from ..websocket.frames import BINARY, CLOSE, TEXT, Read, close, frame, receive_frame

HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)

Serve = Callable[..., Running]
Function = Callable[[Any, Any, Any], Awaitable[None]]


class Mounted:
    """An application that is one function, what it was called for, and when its calls end."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.scopes: list[dict[str, Any]] = []
        self.ended = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        try:
            await self.function(scope, receive, send)
        finally:
            self.ended.set()

    def wait(self) -> None:
        assert self.ended.wait(PATIENCE)


def mounting(function: Function, prefix: str = "/v2", **options: Any) -> tuple[Kyoukai, Mounted]:
    app, mounted = Kyoukai("app"), Mounted(function)
    app.mount(prefix, mounted, lifespan="off", **options)
    return app, mounted


async def begin(send: Any, *headers: tuple[bytes, bytes], status: int = 200, **more: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers, **more})


async def piece(send: Any, body: bytes, more_body: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer each piece of the body as it comes."""
    await begin(send)
    more = True
    while more:
        event = await receive()
        more = event["more_body"]
        await piece(send, event["body"], more)


# Requests and answers


@pytest.mark.every_wire
def test_a_conversation_in_pieces(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    app, mounted = mounting(echo)
    server = serve(app)
    with server.connect() as client:
        head = message("POST", "/v2/a%2Fb?c=d", "Transfer-Encoding: chunked", "X-One: 1", "X-One: 2")
        client.send(head + b"5\r\nfirst\r\n")
        assert client.receive_head().fields["transfer-encoding"] == "chunked"
        assert client.receive_until(b"first\r\n") == b"5\r\nfirst\r\n"
        client.send(b"6\r\nsecond\r\n0\r\n\r\n")
        assert client.receive_chunks() == b"second"
    answer = server.request(message("POST", "/v2", body=b"whole"))
    assert (answer.status, answer.body) == (200, b"whole")
    scope, _ = mounted.scopes
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/v2", "/v2/a/b", b"/v2/a%2Fb")
    assert [pair for pair in scope["headers"] if pair[0] == b"x-one"] == [(b"x-one", b"1"), (b"x-one", b"2")]
    assert scope["client"][0] == "127.0.0.1"
    assert error_records(caplog) == []


def test_answers_of_every_kind(serve: Serve, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"file" * 50_000)

    async def function(scope: Any, receive: Any, send: Any) -> None:
        match scope["path"]:
            case "/v2/whole":
                await begin(send, (b"content-length", b"5"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
                await piece(send, b"whole", False)
            case "/v2/large":
                await begin(send)
                await piece(send, bytes(300_000), False)
            case "/v2/none":
                await begin(send, status=204)
                await piece(send, b"", False)
            case "/v2/file":
                await begin(send, (b"content-length", b"200000"))
                await send({"type": "http.response.pathsend", "path": str(tmp_path / "file")})
            case "/v2/hints":
                await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
                await begin(send, trailers=True)
                await piece(send, b"body", False)
                await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"7")]})
            case "/v2/last":
                await begin(send, (b"connection", b"close"))
                await piece(send, b"last", False)

    app, _ = mounting(function)
    with serve(app).connect() as client:
        client.send(message("GET", "/v2/whole"))
        head = client.receive_until(b"\r\n\r\n")
        assert head.lower().count(b"set-cookie: ") == 2
        assert client.receive_exactly(5) == b"whole"
        client.send(message("HEAD", "/v2/whole"))
        assert b"content-length: 5\r\n" in client.receive_until(b"\r\n\r\n").lower()
        answer = client.request(message("GET", "/v2/large"))
        assert (answer.body, answer.fields["content-length"]) == (bytes(300_000), "300000")
        assert client.request(message("GET", "/v2/none")).status == 204
        assert client.request(message("GET", "/v2/file")).body == b"file" * 50_000
        client.send(message("GET", "/v2/hints", "TE: trailers", "Connection: TE"))
        hint = client.receive_head()
        assert (hint.status, hint.fields["link"]) == (103, "</a.css>; rel=preload")
        assert client.receive_head().status == 200
        assert client.receive_until(b"\r\n\r\n") == b"4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n"
        assert client.request(message("GET", "/v2/last")).fields["connection"] == "close"
        assert client.receive_rest() == b""
    assert error_records(caplog) == []


@pytest.mark.every_wire
@pytest.mark.parametrize("status", [200, 204, 304])
def test_no_length_is_made_up_where_no_content_is_sent(serve: Serve, status: int) -> None:
    """As of the same application at the root: a GET is answered piece by piece (RFC 9110 section 8.6)."""

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, (b"etag", b'"1"'), status=status)
        await piece(send, b"one")
        await piece(send, b"two", False)

    app, mounted = mounting(function)
    own = {"date", "server", "connection", "keep-alive"}
    seen = []
    for application in (app, ASGIApplication(mounted, lifespan="off")):
        with serve(application).connect() as client:
            answer = client.request(message("HEAD", "/v2"), "HEAD")
            fields = {name: value for name, value in answer.fields.items() if name not in own}
            # The connection goes on.
            assert client.request(message("HEAD", "/v2"), "HEAD").status == status
        seen.append((answer.status, answer.body, fields))
    assert "content-length" not in seen[0][2]
    assert seen[0] == seen[1]


@pytest.mark.every_wire
def test_each_request_is_told_of_once(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def function(scope: Any, receive: Any, send: Any) -> None:
        match scope["path"]:
            case "/v2/pieces":
                await begin(send)
                await piece(send, b"one")
                await piece(send, b"two", False)
            case "/v2/fails":
                raise LookupError("oops")
            case _:
                await begin(send)
                await piece(send, b"whole", False)

    caplog.set_level(logging.INFO, "kyoukai.access")
    app, _ = mounting(function)
    server = serve(app, access_log=True)
    paths = ["/v2/whole", "/v2/pieces", "/v2/fails", "/v2/whole"]
    with server.connect() as client:
        statuses = [client.request(message("GET", path)).status for path in paths]
    assert statuses == [200, 200, 500, 200]
    server.stop()
    lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert len(lines) == len(paths)
    assert all(path in line for path, line in zip(paths, lines, strict=True))


def test_beside_flask_and_own_routes(serve: Serve) -> None:
    old = flask.Flask("old")

    @old.route("/page")
    def page() -> str:
        return flask.request.script_root

    app, _ = mounting(echo)
    app.mount("/v1", old)

    @app.route("/v2/own")
    async def own(ctx: HTTPRequestContext) -> str:
        return "own"

    with serve(app).connect() as client:
        assert client.request(message("GET", "/v1/page")).body == b"/v1"
        assert client.request(message("POST", "/v2/page", body=b"new")).body == b"new"
        assert client.request(message("GET", "/v2/own")).body == b"own"
        assert client.request(message("GET", "/v3")).status == 404


def test_an_answer_is_as_fast_as_its_client(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    sent = []
    total = 400

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        for _ in range(total):
            await piece(send, bytes(1 << 16))
            sent.append(1)
        await piece(send, b"", False)

    app, _ = mounting(function)
    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/v2"))
        stands: list[int] = []

        def is_held() -> bool:
            stands.append(len(sent))
            return len(stands) > 200 and stands[-200] == stands[-1] > 0

        server.wait_until(is_held)
        assert len(sent) < total
        assert len(client.receive().body) == total << 16
    assert error_records(caplog) == []


def test_a_request_is_as_fast_as_the_application(serve: Serve) -> None:
    go_on = asyncio.Event()
    received = []

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        while (event := await receive())["more_body"]:
            received.append(len(event["body"]))
        await begin(send)
        await piece(send, b"%d" % (sum(received) + len(event["body"])), False)

    app, _ = mounting(function, max_body_size=100 << 20)
    server = serve(app)
    with server.connect() as client:
        total, sent = 400, []

        def send_all() -> None:
            client.send(message("POST", "/v2", f"Content-Length: {total << 16}"))
            for _ in range(total):
                client.send(bytes(1 << 16))
                sent.append(1)

        sender = threading.Thread(target=send_all)
        sender.start()
        stands: list[int] = []

        def is_held() -> bool:
            stands.append(len(sent))
            return len(stands) > 200 and stands[-200] == stands[-1] > 0

        server.wait_until(is_held)
        assert len(sent) < total
        server.call(go_on.set)
        assert client.receive().body == b"%d" % (total << 16)
        sender.join(PATIENCE)


def test_a_body_that_is_too_large(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    app, mounted = mounting(echo, max_body_size=10)
    server = serve(app)
    assert server.request(message("POST", "/v2", body=bytes(11))).status == 413
    assert mounted.scopes == []
    with server.connect() as client:

        async def read_first(scope: Any, receive: Any, send: Any) -> None:
            while (await receive()).get("more_body"):
                pass
            with pytest.raises(OSError, match="gone"):
                await begin(send)

        mounted.function = read_first
        client.send(message("POST", "/v2", "Transfer-Encoding: chunked") + b"1\r\nx\r\n")
        server.wait_until(lambda: mounted.scopes)
        client.send(chunks(bytes(6), bytes(6)))
        assert client.receive().status == 413
    mounted.wait()
    assert error_records(caplog) == []


def test_a_body_in_memory(serve: Serve) -> None:
    app, _ = mounting(echo, stream=False)

    @app.before_request
    async def read(ctx: HTTPRequestContext) -> None:
        assert ctx.request.get_data() == b"onetwo"

    with serve(app).connect() as client:
        client.send(message("POST", "/v2", "Transfer-Encoding: chunked") + chunks(b"one", b"two"))
        assert client.receive().body == b"onetwo"


# Clients that leave


@pytest.mark.parametrize("way", ["sends", "receives"])
def test_a_client_that_leaves_in_the_middle(serve: Serve, caplog: pytest.LogCaptureFixture, way: str) -> None:
    told = []

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await begin(send)
        await piece(send, b"first")
        if way == "receives":
            told.append((await receive())["type"])
            return
        try:
            while True:
                await piece(send, bytes(1 << 16))
        except OSError:
            told.append("OSError")
            raise

    app, mounted = mounting(function)
    with serve(app).connect() as client:
        client.send(message("GET", "/v2"))
        client.receive_until(b"first")
    mounted.wait()
    assert told == [{"sends": "OSError", "receives": "http.disconnect"}[way]]
    assert error_records(caplog) == []


def test_a_client_that_leaves_before_the_answer(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    told = []
    asked = threading.Event()

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        asked.set()
        told.append((await receive())["type"])

    app, mounted = mounting(function)
    with serve(app).connect() as client:
        client.send(message("GET", "/v2"))
        assert asked.wait(PATIENCE)
    mounted.wait()
    assert told == ["http.disconnect"]
    assert error_records(caplog) == []


def test_a_handler_that_is_cancelled_with_its_client(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    asked = threading.Event()
    told = []

    async def function(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    app, mounted = mounting(function)
    with serve(app, cancel_on_disconnect=True).connect() as client:
        client.send(message("GET", "/v2"))
        assert asked.wait(PATIENCE)
    mounted.wait()
    assert told == ["cancelled"]
    assert error_records(caplog) == []


def test_a_failure_in_the_middle_breaks_the_answer_off(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def function(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        await piece(send, b"some")
        raise LookupError("oops")

    app, _ = mounting(function)
    with serve(app).connect() as client:
        client.send(message("GET", "/v2"))
        assert client.receive_head().status == 200
        assert client.receive_rest() == b"4\r\nsome\r\n"
    (record,) = error_records(caplog)
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


# WebSockets


def open_websocket(client: Client, target: str = "/v2/ws", *fields: str) -> None:
    client.send(message("GET", target, *HANDSHAKE, *fields))
    assert client.receive_head().status == 101


def receive(client: Client) -> Read:
    return receive_frame(client.receive_exactly)


def closing(code: int, reason: bytes = b"") -> Read:
    return Read(CLOSE, code.to_bytes(2) + reason)


async def converse(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


def test_a_websocket_beside_requests_for_the_same_path(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async def function(scope: Any, receive: Any, send: Any) -> None:
        await (converse if scope["type"] == "websocket" else echo)(scope, receive, send)

    app, mounted = mounting(function)
    answers = []

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> None:
        answers.append(response.status_code)

    with serve(app).connect() as client:
        assert client.request(message("POST", "/v2/ws", body=b"plain")).body == b"plain"
        open_websocket(client, "/v2/ws", "Origin: https://elsewhere.org")
        client.send(frame(TEXT, b"one") + frame(BINARY, bytes(70_000)))
        assert receive(client) == Read(TEXT, b"one")
        assert receive(client) == Read(BINARY, bytes(70_000))
        client.send(close(1000))
        assert receive(client) == closing(1000)
        assert client.receive_rest() == b""
    assert answers == [200, 101]
    assert [scope["type"] for scope in mounted.scopes] == ["http", "websocket"]
    assert mounted.scopes[1]["headers"][0] == (b"host", b"localhost")
    assert error_records(caplog) == []


@pytest.mark.parametrize(
    ("message_", "status", "body"),
    [
        (
            {"type": "websocket.close"},
            403,
            b"403 Forbidden: The WebSocket was not accepted. (websocket-not-accepted)\n",
        ),
        ({"type": "websocket.http.response.start", "status": 401, "headers": []}, 401, b"log in"),
    ],
)
def test_a_handshake_that_is_denied(
    serve: Serve, caplog: pytest.LogCaptureFixture, message_: Any, status: int, body: bytes
) -> None:
    async def function(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(message_)
        if status == 401:
            kind = "websocket.http.response.body"
            await send({"type": kind, "body": b"log ", "more_body": True})
            await send({"type": kind, "body": b"in"})
        assert (await receive())["type"] == "websocket.disconnect"

    app, mounted = mounting(function)
    with serve(app).connect() as client:
        answer = client.request(message("GET", "/v2/ws", *HANDSHAKE))
        assert (answer.status, answer.body) == (status, body)
    mounted.wait()
    assert error_records(caplog) == []


def test_a_hook_that_answers_the_handshake(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The application is told that its WebSocket is closed."""
    told = []

    async def function(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await send({"type": "websocket.accept"})
        except OSError as exc:
            told.append(str(exc))
        told.append((await receive())["type"])

    app, _ = mounting(function)

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> Any:
        return ("no", 418) if response.status_code == 101 else None

    with serve(app).connect() as client:
        assert client.request(message("GET", "/v2/ws", *HANDSHAKE)).status == 418
    assert told == ["closed with 1006: the handshake was answered with an error", "websocket.disconnect"]
    assert error_records(caplog) == []


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_websocket_whose_application_fails(
    serve: Serve, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    async def function(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if when == "behind":
            await send({"type": "websocket.accept"})
        raise LookupError("oops")

    app, _ = mounting(function)
    with serve(app).connect() as client:
        if when == "before":
            assert client.request(message("GET", "/v2/ws", *HANDSHAKE)).status == 500
        else:
            open_websocket(client)
            assert receive(client) == closing(1011)
    (record,) = error_records(caplog)
    assert record.name == "kyoukai.web"
    assert f"the application {__name__}.Mounted mounted at '/v2'" in record.getMessage()


def test_a_stop_closes_it(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    app, mounted = mounting(converse)
    server = serve(app)
    with server.connect() as client:
        open_websocket(client)
        server.begin_stop()
        assert receive(client) == closing(1001, b"the server stops")
        client.send(close(1001))
        mounted.wait()
    server.stop()
    assert error_records(caplog) == []


def test_settings_of_its_websockets(serve: Serve) -> None:
    options = {"max_message_size": 10, "origins": ["https://ours.org"]}
    app, _ = mounting(converse, websocket=options)
    with serve(app).connect() as client:
        denied = client.request(message("GET", "/v2/ws", *HANDSHAKE, "Origin: https://elsewhere.org"))
        assert denied.status == 403
        open_websocket(client, "/v2/ws", "Origin: https://ours.org")
        client.send(frame(BINARY, bytes(11)))
        assert receive(client).payload[:2] == (1009).to_bytes(2)


def test_a_wire_that_opens_no_tunnels(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    app, mounted = mounting(converse)
    server = serve(app)
    server.server.features = HTTP1_FEATURES - {Feature.TUNNEL}
    assert server.request(message("GET", "/v2/ws", *HANDSHAKE)).status == 501
    assert mounted.scopes == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_trusted_proxies(serve: Serve) -> None:
    app, mounted = mounting(echo)
    fields = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /outer")
    settings = {"trusted_proxies": ["127.0.0.1"], "forwarded": "x-forwarded", "forwarded_prefix": True}
    server = serve(app, **settings)
    assert server.request(message("POST", "/v2/a", *fields, body=b"x")).status == 200
    (scope,) = mounted.scopes
    assert (scope["scheme"], scope["client"][0]) == ("https", "192.0.2.1")
    assert (scope["root_path"], scope["path"]) == ("/outer/v2", "/outer/v2/a")
