"""WebSockets by a wire that is not HTTP/1: they need nothing of it but a tunnel."""

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kyoukai import ExchangeConnection, HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

from ..serving import PATIENCE, Running, error_records
from ..websocket.frames import CLOSE, TEXT, Read, close, frame, receive_frame

FRAMED = "framed_backend:FramedBackend"
SCGI = "kyoukai_scgi:SCGIBackend"
EXAMPLES = Path(__file__).parents[2] / "examples"
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
FIELDS = [
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


class Framed:
    """The client's side of a connection by the wire."""

    def __init__(self, server: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.data = self.content = b""

    def send(self, kind: bytes, payload: bytes) -> None:
        self.socket.sendall(kind + len(payload).to_bytes(4) + payload)

    def offer(self, offers: str = "websocket") -> None:
        head = {"method": "GET", "target": "/", "fields": FIELDS, "size": 0, "offers": offers}
        self.send(b"H", json.dumps(head).encode())

    def receive(self) -> tuple[bytes, bytes]:
        """Return the letter and the payload of the next frame."""
        head = self.receive_exactly(5)
        return head[:1], self.receive_exactly(int.from_bytes(head[1:]))

    def receive_exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            received = self.socket.recv(65536)
            if not received:
                raise EOFError(f"the server closed after {self.data!r}")
            self.data += received
        found, self.data = self.data[:size], self.data[size:]
        return found

    def receive_head(self) -> tuple[int, dict[str, str]]:
        kind, payload = self.receive()
        assert kind == b"H"
        status, fields = json.loads(payload)
        return status, dict(fields)

    def receive_message(self) -> Read:
        """Return the next frame of the WebSocket."""
        return receive_frame(self.carried)

    def carried(self, size: int) -> bytes:
        """Return the next bytes of the tunnel."""
        while len(self.content) < size:
            kind, payload = self.receive()
            assert kind == b"D"
            self.content += payload
        found, self.content = self.content[:size], self.content[size:]
        return found


@pytest.fixture
def serve_by(loop_factory: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for folder in ("docs", "scgi_backend"):
        monkeypatch.syspath_prepend(str(EXAMPLES / folder))
    servers: list[Running] = []

    def serve(handler: Any, backend: str = FRAMED) -> Running:
        app = Kyoukai("sockets")
        app.websocket("/")(handler)
        servers.append(Running(loop_factory, app=app, port=0, backend=backend))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def no_errors(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert error_records(caplog) == []


async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


def test_messages_and_a_close(serve_by: Any) -> None:
    server = serve_by(echo)
    client = Framed(server)
    with client.socket:
        client.offer()
        client.send(b"D", frame(TEXT, b"early"))
        status, fields = client.receive_head()
        assert (status, fields["Sec-WebSocket-Accept"]) == (200, ACCEPT)
        large = b"x" * 300_000
        for part in (frame(TEXT, b"late"), frame(TEXT, large)[:1000], frame(TEXT, large)[1000:]):
            client.send(b"D", part)
        for sent in (b"early", b"late", large):
            assert client.receive_message() == Read(TEXT, sent)
        client.send(b"D", close(1000))
        assert client.receive_message() == Read(CLOSE, (1000).to_bytes(2))
        # The server ends its side; the client then does.
        assert client.receive() == (b"E", b"[]")
        client.send(b"E", b"[]")
        assert client.socket.recv(1) == b""
    server.wait_until_empty()


def test_request_without_a_handshake(serve_by: Any) -> None:
    client = Framed(serve_by(echo))
    with client.socket:
        client.offer("")
        assert client.receive_head()[0] == 403


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_client_that_is_lost(serve_by: Any, how: str) -> None:
    ended: list[Any] = []

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await echo(ctx, ws)
        ended.append((ws.close_code, ctx.client_ended))

    server = serve_by(handler)
    client = Framed(server)
    with client.socket:
        client.offer()
        client.send(b"D", frame(TEXT, b"hello"))
        client.receive_head()
        assert client.receive_message() == Read(TEXT, b"hello")
        if how == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
    server.wait_until(lambda: ended)
    assert ended == [(1006, True)]
    server.wait_until_empty()


def test_a_handler_that_does_not_read_makes_the_client_wait(serve_by: Any) -> None:
    go = asyncio.Event()
    count = 0

    async def handler(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        nonlocal count
        await ws.accept()
        await go.wait()
        async for _ in ws:
            count += 1

    server = serve_by(handler)
    client = Framed(server)
    with client.socket:
        client.offer()
        client.receive_head()
        for _ in range(5):
            client.send(b"D", frame(TEXT, b"x" * 60_000))
        connections = server.server.connections
        (connection,) = [one for one in connections if isinstance(one, ExchangeConnection)]
        # Two of them are more than may lie unread.
        server.wait_until(lambda: not connection.transport.is_reading())
        server.call(go.set)
        server.wait_until(lambda: count == 5)
        server.wait_until(connection.transport.is_reading)


def test_a_stop_closes_it(serve_by: Any) -> None:
    server = serve_by(echo)
    client = Framed(server)
    with client.socket:
        client.offer()
        client.receive_head()
        server.begin_stop()
        assert client.receive_message() == Read(CLOSE, (1001).to_bytes(2) + b"the server stops")
        client.send(b"D", close(1001))
        assert client.receive() == (b"E", b"[]")
        client.send(b"E", b"[]")
        assert client.socket.recv(1) == b""


def test_a_wire_that_opens_no_tunnels(serve_by: Any, caplog: pytest.LogCaptureFixture) -> None:
    variables = {"CONTENT_LENGTH": "0", "SCGI": "1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/"}
    variables |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in FIELDS}
    content = "".join(f"{name}\0{value}\0" for name, value in variables.items()).encode()
    with serve_by(echo, SCGI).connect() as client:
        client.send(b"%d:%b," % (len(content), content))
        answer = client.receive_rest()
    assert answer.startswith(b"Status: 501 ")
    assert b"this server cannot open WebSockets" in answer
    [warning] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the backend does not claim the feature 'tunnel'" in warning
