"""WebSockets of hosted applications, over sockets: by HTTP/1.1 on both backends, and by HTTP/2."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kyoukai import HTTP1_FEATURES, Feature
from kyoukai.asgi import ASGIApplication
from kyoukai.core.errors import ConfigurationError

from ...serving import PATIENCE, Running, error_records, message
from ...websocket.frames import BINARY, CLOSE, PING, PONG, TEXT, Read, close, deflated, frame
from .websocket_peer import ACCEPT, HANDSHAKE, HTTP1Peer, HTTP2Peer, Peer

WIRES = [
    pytest.param(("httptools", asyncio.new_event_loop), id="httptools"),
    pytest.param(("reference", uvloop.new_event_loop), id="reference"),
    pytest.param(("h2", uvloop.new_event_loop), id="h2"),
]

Open = Callable[..., Peer]


class Hosted:
    """An application that is one function of receive and send, for WebSockets, and what comes of it."""

    def __init__(self, function: Callable[[Any, Any], Awaitable[None]], **options: Any) -> None:
        self.function = function
        self.scopes: list[dict[str, Any]] = []
        self.ended = threading.Event()
        self.application = ASGIApplication(self, lifespan="off", **options)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        try:
            await self.function(receive, send)
        finally:
            self.ended.set()

    def wait(self) -> None:
        """Wait until the application has ended."""
        assert self.ended.wait(PATIENCE)


@pytest.fixture(params=WIRES)
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., Running]]:
    backend, loop_factory = request.param
    servers: list[Running] = []

    def start(hosted: Hosted, **settings: Any) -> Running:
        servers.append(Running(loop_factory, app=hosted.application, port=0, backend=backend, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def open_peer(server: Running, target: str = "/", *fields: str) -> Peer:
    """Send a handshake, and return who has."""
    return (HTTP2Peer if server.by_http2 else HTTP1Peer)(server, target, fields)


def opened(server: Running, target: str = "/", *fields: str) -> Peer:
    """Open a WebSocket."""
    peer = open_peer(server, target, *fields)
    assert peer.status == (200 if server.by_http2 else 101)
    return peer


def closing(code: int, reason: bytes = b"") -> Read:
    return Read(CLOSE, code.to_bytes(2) + reason)


class Leaver:
    """A client that sends its handshake, and leaves before there is an answer."""

    def __init__(self, server: Running) -> None:
        self.client = server.connect()
        if not server.by_http2:
            self.client.send(message("GET", "/", *HANDSHAKE))
            return
        gateway: Any = self.client.socket
        pseudo = {"method": "CONNECT", "protocol": "websocket", "scheme": "http", "path": "/"}
        head = [(f":{name}", value) for name, value in {**pseudo, "authority": "localhost"}.items()]
        gateway.engine.send_headers(1, [*head, ("sec-websocket-version", "13")])
        gateway.flush()

    def end(self) -> None:
        """End this side, and wait for the other."""
        if hasattr(self.client.socket, "engine"):
            self.client.socket.engine.end_stream(1)
            self.client.socket.flush()
        self.leave()

    def leave(self) -> None:
        """Close the socket."""
        self.client.socket.close()


async def accept(receive: Any, send: Any, **values: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", **values})


async def echo(receive: Any, send: Any) -> None:
    await accept(receive, send)
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


# The handshake


def test_messages_both_ways_and_the_client_s_close(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    events: list[Any] = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        while True:
            event = await receive()
            events.append(event)
            if event["type"] != "websocket.receive":
                break
            await send({"type": "websocket.send", **{k: event.get(k) for k in ("text", "bytes")}})
        # It says so as often as it is asked.
        events.append(await receive())

    hosted = Hosted(function)
    large = bytes(range(256)) * 1000
    with opened(serve(hosted)) as peer:
        for opcode, payload in ((TEXT, "täxt".encode()), (BINARY, b"\0\xff"), (TEXT, b""), (BINARY, large)):
            peer.send(frame(opcode, payload))
            assert peer.receive() == Read(opcode, payload)
        peer.send(close(4001, b"done"))
        assert peer.receive() == closing(4001)
        assert peer.receive_rest() == b""
    hosted.wait()
    assert events == [
        {"type": "websocket.receive", "text": "täxt"},
        {"type": "websocket.receive", "bytes": b"\0\xff"},
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "bytes": large},
        {"type": "websocket.disconnect", "code": 4001, "reason": "done"},
        {"type": "websocket.disconnect", "code": 4001, "reason": "done"},
    ]
    assert error_records(caplog) == []


def test_the_scope(serve: Any) -> None:
    hosted = Hosted(echo)
    server = serve(hosted)
    fields = ("Origin: http://elsewhere.org", "Sec-WebSocket-Protocol: one, two", "X-One: 1")
    with opened(server, "/ch%C3%A4t/%2F?room=1&a=%20", *fields):
        pass
    hosted.wait()
    (scope,) = hosted.scopes
    headers = scope.pop("headers")
    assert [value for name, value in headers if name == b"x-one"] == [b"1"]
    assert (b"host", b"localhost") in headers
    assert (b"sec-websocket-version", b"13") in headers
    assert all(name == name.lower() for name, _ in headers)
    # Extended CONNECT has neither.
    names = [name for name, _ in headers]
    assert (b"upgrade" in names, b"sec-websocket-key" in names) == (not server.by_http2, not server.by_http2)
    host, port = scope.pop("client")
    assert host == "127.0.0.1"
    assert port > 0
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "2" if server.by_http2 else "1.1",
        "scheme": "ws",
        "path": "/chät//",
        "raw_path": b"/ch%C3%A4t/%2F",
        "query_string": b"room=1&a=%20",
        "root_path": "",
        "server": ("127.0.0.1", server.port),
        "subprotocols": ["one", "two"],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


def test_accepting_with_a_subprotocol_and_headers(serve: Any) -> None:
    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send, subprotocol="two", headers=[(b"x-one", b"1"), [b"set-cookie", b"a=b"]])

    server = serve(Hosted(function))
    with opened(server, "/", "Sec-WebSocket-Protocol: one, two") as peer:
        assert peer.fields["sec-websocket-protocol"] == "two"
        assert (peer.fields["x-one"], peer.fields["set-cookie"]) == ("1", "a=b")
        assert peer.fields.get("sec-websocket-accept") == (None if server.by_http2 else ACCEPT)
        assert "sec-websocket-extensions" not in peer.fields
        assert peer.receive() == closing(1000)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"subprotocol": "other"}, "the client does not offer the subprotocol 'other', but ['one']"),
        ({"headers": [(b"sec-websocket-protocol", b"one")]}, "cannot be among the headers"),
        ({"headers": [(b"Upgrade", b"other")]}, "cannot be among the headers"),
        ({"headers": [(b":status", b"101")]}, "cannot be among the headers"),
        ({"headers": [("x-one", "1")]}, "headers must be pairs of bytes"),
        ({"headers": [(b"x-one", b"1\r\nx-two: 2")]}, "has CR, LF or NUL in it"),
    ],
)
def test_an_accept_that_cannot_be_sent(
    serve: Any, caplog: pytest.LogCaptureFixture, values: Any, error: str
) -> None:
    """Nothing of it is, and the request is answered with 500."""
    hosted = Hosted(lambda receive, send: accept(receive, send, **values))
    with open_peer(serve(hosted), "/", "Sec-WebSocket-Protocol: one") as peer:
        assert peer.status == 500
    (record,) = error_records(caplog)
    assert record.exc_info is not None
    assert error in str(record.exc_info[1])


@pytest.mark.parametrize("values", [{}, {"code": 4000, "reason": [{"any": "thing"}]}])
def test_a_close_before_accept_is_403(serve: Any, caplog: pytest.LogCaptureFixture, values: Any) -> None:
    events: list[Any] = []
    go_on = asyncio.Event()

    async def function(receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", **values})
        await go_on.wait()
        events.append(await receive())
        for kind in ("websocket.accept", "websocket.send", "websocket.close"):
            with pytest.raises(OSError, match="1006"):
                await send({"type": kind})

    hosted = Hosted(function)
    server = serve(hosted)
    with open_peer(server) as peer:
        # It does not wait for the application's end.
        assert peer.status == 403
        assert (
            peer.receive_body()
            == b"403 Forbidden: The WebSocket was not accepted. (websocket-not-accepted)\n"
        )
        server.call(go_on.set)
        hosted.wait()
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert error_records(caplog) == []


@pytest.mark.parametrize("pieces", [[b"log in"], [b"log", b" in", b""]])
def test_a_response_in_the_place_of_a_websocket(serve: Any, pieces: list[bytes]) -> None:
    """It is the extension websocket.http.response."""

    async def function(receive: Any, send: Any) -> None:
        await receive()
        headers = [(b"www-authenticate", b"Basic"), (b"content-type", b"text/plain")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        with pytest.raises(RuntimeError, match=r"after websocket\.http.response\.start"):
            await send({"type": "websocket.accept"})
        for index, piece in enumerate(pieces):
            more = index < len(pieces) - 1
            await send({"type": "websocket.http.response.body", "body": piece, "more_body": more})
        assert (await receive())["type"] == "websocket.disconnect"

    hosted = Hosted(function)
    with open_peer(serve(hosted)) as peer:
        assert peer.status == 401
        assert peer.fields["www-authenticate"] == "Basic"
        assert peer.receive_body() == b"log in"
    hosted.wait()


def test_applications_that_do_not_answer(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def function(receive: Any, send: Any) -> None:
        if hosted.scopes[-1]["path"] == "/raises":
            raise LookupError("oops")

    hosted = Hosted(function)
    server = serve(hosted)
    for target in ("/returns", "/raises"):
        with open_peer(server, target) as peer:
            assert peer.status == 500
            assert b"oops" not in peer.receive_body()
    first, second = error_records(caplog)
    assert "the application failed on GET '/returns'" in first.getMessage()
    assert first.exc_info is not None
    assert "has not begun its answer" in str(first.exc_info[1])
    assert second.exc_info is not None
    assert second.exc_info[0] is LookupError


def test_handshakes_that_are_refused_before_it_is_asked(serve: Any) -> None:
    hosted = Hosted(echo)
    server = serve(hosted)
    with server.connect() as client:
        if server.by_http2:
            return
        old = message("GET", "/", *(line.replace(": 13", ": 8") for line in HANDSHAKE))
        answer = client.request(old)
        assert (answer.status, answer.fields["sec-websocket-version"]) == (426, "13")
        assert client.request(message("GET", "/", *HANDSHAKE[:3])).status == 400
    assert hosted.scopes == []


def test_request_with_content_is_not_a_websocket_handshake(serve: Any) -> None:
    """Its content would be lost."""
    server = serve(hosted := Hosted(echo))
    if server.by_http2:
        return
    with server.connect() as client:
        client.request(message("GET", "/", *HANDSHAKE, body=b"content"))
    assert [scope["type"] for scope in hosted.scopes] == ["http"]


def test_a_wire_that_opens_no_tunnels(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(hosted := Hosted(echo))
    server.server.features = HTTP1_FEATURES - {Feature.TUNNEL}
    with open_peer(server) as peer:
        assert peer.status == 501
        assert b"this server cannot open WebSockets" in peer.receive_body()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "does not claim the feature 'tunnel'" in record.getMessage()
    assert hosted.scopes == []


@pytest.mark.parametrize(
    ("options", "origin", "is_accepted"),
    [
        ({}, "http://elsewhere.org", True),
        ({"origins": None}, "http://elsewhere.org", False),
        ({"origins": None}, "http://localhost", True),
        ({"origins": ["https://ours.org"]}, "https://ours.org", True),
        ({"origins": ["https://ours.org"]}, "https://elsewhere.org", False),
    ],
)
def test_origins_that_may_connect(serve: Any, options: Any, origin: str, is_accepted: bool) -> None:
    """By default it is for the application to say."""
    server = serve(hosted := Hosted(echo, websocket=options))
    with open_peer(server, "/", f"Origin: {origin}") as peer:
        assert (peer.status in (101, 200)) is is_accepted
        if not is_accepted:
            assert peer.status == 403
    assert bool(hosted.scopes) is is_accepted


def test_an_accept_that_failed_may_be_tried_again(serve: Any) -> None:
    async def function(receive: Any, send: Any) -> None:
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            await accept(receive, send, headers=[(b"x-one", b"\n")])
        await send({"type": "websocket.accept"})

    with opened(serve(Hosted(function))) as peer:
        assert peer.receive() == closing(1000)


# Its course


@pytest.mark.parametrize(
    ("message", "error", "text"),
    [
        ({"type": "websocket.accept"}, RuntimeError, "'websocket.accept' cannot be sent on a WebSocket that"),
        (
            {"type": "http.response.start", "status": 200},
            RuntimeError,
            "'http.response.start' cannot be sent",
        ),
        ({"type": "websocket.send"}, ValueError, "neither bytes nor text"),
        ({"type": "websocket.send", "bytes": None, "text": None}, ValueError, "neither bytes nor text"),
        ({"type": "websocket.send", "text": b"bytes"}, TypeError, "must be str, not bytes"),
        ({"type": "websocket.send", "bytes": "text"}, TypeError, "must be bytes, not str"),
        ({"type": "websocket.close", "code": 999}, ValueError, "the close code is 999"),
        ({"type": "websocket.close", "reason": 7}, TypeError, "must be str, not int"),
    ],
)
def test_events_that_cannot_follow(
    serve: Any, caplog: pytest.LogCaptureFixture, message: Any, error: Any, text: str
) -> None:
    """They are told so, and the WebSocket goes on; what the application lets out closes it with 1011."""

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        with pytest.raises(error, match=text):
            await send(message)
        await send({"type": "websocket.send", "text": "still here"})
        await send(message)

    with opened(serve(Hosted(function))) as peer:
        assert peer.receive() == Read(TEXT, b"still here")
        assert peer.receive() == closing(1011)
    (record,) = error_records(caplog)
    assert record.name == "kyoukai.asgi"
    assert record.getMessage().startswith("WebSocket '/': the application failed (request id ")


def test_an_event_before_accept(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def function(receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError, match=r"'websocket\.send' was sent before websocket\.accept"):
            await send({"type": "websocket.send", "text": "early"})
        await accept(receive, send)

    with opened(serve(Hosted(function))) as peer:
        assert peer.receive() == closing(1000)
    assert error_records(caplog) == []


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ({}, closing(1000)),
        ({"code": None, "reason": None}, closing(1000)),
        ({"code": 4000, "reason": "so"}, closing(4000, b"so")),
        ({"code": 4000, "reason": "ä" * 100}, closing(4000, "ä".encode() * 61)),
    ],
)
def test_a_close_by_the_application(
    serve: Any, caplog: pytest.LogCaptureFixture, values: Any, sent: Read
) -> None:
    """It is told what it was closed with, and whatever it sends then raises an OSError."""
    events = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        await send({"type": "websocket.send", "text": "last"})
        await send({"type": "websocket.close", **values})
        events.append(await receive())
        for kind in ("websocket.close", "websocket.send"):
            with pytest.raises(OSError, match=str(values.get("code") or 1000)):
                await send({"type": kind, "text": "late"})

    hosted = Hosted(function)
    with opened(serve(hosted)) as peer:
        assert peer.receive() == Read(TEXT, b"last")
        assert peer.receive() == sent
        peer.send(close(1000))
        assert peer.receive_rest() == b""
    hosted.wait()
    (event,) = events
    assert (event["type"], event["code"]) == ("websocket.disconnect", values.get("code") or 1000)
    assert error_records(caplog) == []


@pytest.mark.parametrize("way", ["let out", "in a group"])
def test_sending_to_a_client_that_has_closed_is_no_error_in_the_log(
    serve: Any, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    raised = []

    async def send_on(send: Any) -> None:
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x"})
        except OSError as exc:
            raised.append(str(exc))
            raise

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        assert (await receive())["code"] == 1005
        if way == "let out":
            await send_on(send)
        async with asyncio.TaskGroup() as group:
            group.create_task(send_on(send))

    hosted = Hosted(function)
    with opened(serve(hosted)) as peer:
        peer.send(close(None))
        assert peer.receive() == Read(CLOSE, b"")
        assert peer.receive_rest() == b""
    hosted.wait()
    assert raised == ["closed with 1005"]
    assert error_records(caplog) == []


def test_a_client_that_is_lost(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    events = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        events.append(await receive())
        with pytest.raises(OSError, match="1006"):
            await send({"type": "websocket.send", "text": "late"})

    hosted = Hosted(function)
    with opened(serve(hosted)):
        pass
    hosted.wait()
    assert events == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert error_records(caplog) == []


def test_application_that_ignores_a_disconnect_blocks_no_other(serve: Any) -> None:
    others: list[bool] = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        asyncio.get_running_loop().call_soon(others.append, True)
        for _ in range(1000):
            await receive()
            if others:
                break
        seen.append(len(others))

    seen: list[int] = []
    hosted = Hosted(function)
    with opened(serve(hosted)):
        pass
    hosted.wait()
    assert seen == [1]


def test_a_client_that_leaves_before_it_is_accepted(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    events = []
    asked = threading.Event()

    async def function(receive: Any, send: Any) -> None:
        events.append(await receive())
        asked.set()
        events.append(await receive())
        with pytest.raises(OSError, match="1006"):
            await send({"type": "websocket.accept"})

    hosted = Hosted(function)
    leaver = Leaver(serve(hosted))
    assert asked.wait(PATIENCE)
    leaver.leave()
    hosted.wait()
    assert [event["type"] for event in events] == ["websocket.connect", "websocket.disconnect"]
    assert error_records(caplog) == []


def test_a_cancelled_receive_loses_nothing(serve: Any) -> None:
    received = []
    waiting = threading.Event()

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        for _ in range(3):
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        waiting.set()
        for _ in range(2):
            received.append((await receive())["text"])

    hosted = Hosted(function)
    with opened(serve(hosted)) as peer:
        assert waiting.wait(PATIENCE)
        peer.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        assert peer.receive() == closing(1000)
    assert received == ["one", "two"]


def test_a_receive_that_waits_for_accept(serve: Any) -> None:
    """A task may receive while another one accepts."""
    received = []

    async def function(receive: Any, send: Any) -> None:
        await receive()
        task = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "websocket.accept"})
        received.append(await task)

    with opened(serve(Hosted(function))) as peer:
        peer.send(frame(TEXT, b"one"))
        assert peer.receive() == closing(1000)
    assert received == [{"type": "websocket.receive", "text": "one"}]


def test_a_stop_closes_with_1001(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    events = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        events.append(await receive())

    hosted = Hosted(function)
    server = serve(hosted)
    with opened(server) as peer:
        server.begin_stop()
        assert peer.receive() == closing(1001, b"the server stops")
        peer.send(close(1001))
        hosted.wait()
    assert events == [{"type": "websocket.disconnect", "code": 1001, "reason": "the server stops"}]
    server.stop()
    assert error_records(caplog) == []


# Inputs that have hurt others


def test_an_application_is_as_fast_as_its_client(serve: Any) -> None:
    """uvicorn #3048: without flow control a client that does not read has its messages pile up."""
    sent = []
    total = 400

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        for _ in range(total):
            await send({"type": "websocket.send", "bytes": bytes(1 << 16)})
            sent.append(1)

    server = serve(Hosted(function))
    with opened(server) as peer:
        # What the system holds for it, and no more: it is the same after many turns of the loop.
        stands: list[int] = []

        def is_held() -> bool:
            stands.append(len(sent))
            return len(stands) > 200 and stands[-200] == stands[-1] > 0

        server.wait_until(is_held)
        assert len(sent) < total
        for _ in range(total):
            assert len(peer.receive().payload) == 1 << 16
        assert peer.receive() == closing(1000)
    assert len(sent) == total


def test_a_client_is_as_fast_as_the_application(serve: Any) -> None:
    go_on = asyncio.Event()
    received = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        await go_on.wait()
        while (event := await receive())["type"] == "websocket.receive":
            received.append(len(event["bytes"]))

    hosted = Hosted(function)
    server = serve(hosted)
    with opened(server) as peer:
        total, sent, piece = 400, [], frame(BINARY, bytes(1 << 16))

        def send_all() -> None:
            for _ in range(total):
                peer.send(piece)
                sent.append(1)
            peer.send(close(1000))

        sender = threading.Thread(target=send_all)
        sender.start()
        stands: list[int] = []

        def is_held() -> bool:
            stands.append(len(sent))
            return len(stands) > 200 and stands[-200] == stands[-1] > 0

        server.wait_until(is_held)
        assert len(sent) < total
        server.call(go_on.set)
        sender.join(PATIENCE)
        hosted.wait()
    assert received == [1 << 16] * total


@pytest.mark.parametrize("way", ["at once", "in fragments", "deflated"])
def test_a_limit_counts_what_the_application_gets(serve: Any, way: str) -> None:
    """GHSA-hxp9-w8x3-p566: one that counts compressed bytes is none."""
    events = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        events.append(await receive())

    hosted = Hosted(function, websocket={"max_message_size": 1000, "compression": True})
    offer = (
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"
    )
    with opened(serve(hosted), "/", offer) as peer:
        assert peer.fields["sec-websocket-extensions"].startswith("permessage-deflate")
        if way == "at once":
            peer.send(frame(BINARY, bytes(1001)))
        elif way == "in fragments":
            peer.send(frame(BINARY, bytes(600), fin=False) + frame(0, bytes(600)))
        else:
            peer.send(frame(BINARY, deflated(bytes(1_000_000)), reserved=4))
        assert (read := peer.receive()).opcode == CLOSE
        assert read.payload[:2] == (1009).to_bytes(2)
    hosted.wait()
    assert (events[0]["type"], events[0]["code"]) == ("websocket.disconnect", 1009)


def test_messages_are_not_compressed_unless_it_is_asked_for(serve: Any) -> None:
    """uvicorn #2540: 316 KiB of a connection are deflate's."""
    with opened(serve(Hosted(echo)), "/", "Sec-WebSocket-Extensions: permessage-deflate") as peer:
        assert "sec-websocket-extensions" not in peer.fields
        peer.send(frame(TEXT, b"x" * 1000))
        assert peer.receive() == Read(TEXT, b"x" * 1000)


def test_a_client_that_is_silent_is_asked_whether_it_is_there() -> None:
    """It takes a few of the server's sweeps, and has nothing to do with the wire."""
    events = []

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        events.append(await receive())

    hosted = Hosted(function, websocket={"ping_interval": 0.01, "ping_timeout": 0.01})
    server = Running(app=hosted.application, port=0, backend="reference")
    with opened(server) as peer:
        assert peer.receive().opcode == PING
        peer.send(frame(PONG))
        hosted.wait()
    server.stop()
    assert (events[0]["code"], events[0]["reason"]) == (1006, "no answer to a ping")


def test_a_close_behind_messages_reaches_a_client_that_still_sends(serve: Any) -> None:
    """uvicorn #3047, #3049: a reset cut off the close, and the client saw 1006."""

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        await receive()
        await send({"type": "websocket.send", "bytes": bytes(300_000)})
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})

    server, piece = serve(Hosted(function)), frame(BINARY, bytes(1 << 16))
    with opened(server) as peer:
        for _ in range(5):
            peer.send(piece)
        assert len(peer.receive().payload) == 300_000
        assert peer.receive() == closing(4000, b"enough")
        peer.send(close(4000))
        assert peer.receive_rest() == b""


def test_a_client_of_others(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    hosted = Hosted(echo)
    server = serve(hosted)
    if server.by_http2:
        return

    async def main() -> None:
        url = server.url.replace("http", "ws")
        async with connect(url, proxy=None, subprotocols=None) as client:
            assert client.protocol.extensions == []
            for sent in ("täxt", bytes(1_000_000), ""):
                await client.send(sent)
                assert await client.recv() == sent
            await client.close(4002, "bye")
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (4002, "")

    asyncio.run(main())
    hosted.wait()
    assert error_records(caplog) == []


# What the server knows of it


def test_websocket_is_logged_at_its_start_and_end(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kyoukai.access")
    hosted = Hosted(echo)
    server = serve(hosted, access_log=True)
    with opened(server, "/chat") as peer:
        server.wait_until(lambda: caplog.records)
        peer.send(close(1000))
        assert peer.receive() == closing(1000)
        assert peer.receive_rest() == b""
    server.wait_until(lambda: len([r for r in caplog.records if r.name == "kyoukai.access"]) == 2)
    hosted.wait()
    server.stop()
    lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert len(lines) == 2
    assert "/chat" in lines[0]
    assert f" {peer.status} " in lines[0]
    assert "1000" in lines[1]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_size": 1}, "a WebSocket has no setting 'max_size'"),
        ({"max_message_size": 0}, "max_message_size is 0"),
        ([], r"websocket is \[\]; it must be settings by name"),
    ],
)
def test_invalid_settings(options: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        ASGIApplication(echo, websocket=options)


def test_without_the_library_that_websockets_need(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    hosted = Hosted(echo)
    hosted.application.websocket = None
    server = serve(hosted)
    with open_peer(server) as peer:
        assert peer.status == 501
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "pip install 'kyoukai[websocket]'" in record.getMessage()


@pytest.mark.parametrize("way", ["receives", "sends"])
def test_notified_application_is_not_cancelled(
    serve: Any, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """It may be giving back its connection of a database; by cancel_on_disconnect, others are cancelled."""
    course = []
    is_lost = asyncio.Event()

    async def function(receive: Any, send: Any) -> None:
        await accept(receive, send)
        try:
            if way == "receives":
                await receive()
            else:
                while True:
                    await send({"type": "websocket.send", "bytes": bytes(1 << 16)})
        except OSError:
            course.append("told")
        finally:
            await is_lost.wait()
            course.append("given back")

    hosted = Hosted(function)
    server = serve(hosted, cancel_on_disconnect=True)
    with opened(server) as peer:
        if not server.by_http2:
            assert isinstance(peer, HTTP1Peer)
            peer.client.end()
            if way == "receives":
                peer.receive_rest()
    server.wait_until_empty()
    server.call(is_lost.set)
    hosted.wait()
    assert course[-1] == "given back"
    assert error_records(caplog) == []


@pytest.mark.parametrize("way", ["returns", "raises"])
def test_application_that_ends_when_its_client_left_before_accept(
    serve: Any, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    asked = threading.Event()

    async def function(receive: Any, send: Any) -> None:
        await receive()
        asked.set()
        assert (await receive())["type"] == "websocket.disconnect"
        if way == "raises":
            raise LookupError("gone")

    hosted = Hosted(function)
    server = serve(hosted)
    leaver = Leaver(server)
    assert asked.wait(PATIENCE)
    leaver.end()
    hosted.wait()
    server.wait_until_empty()
    assert error_records(caplog) == []
