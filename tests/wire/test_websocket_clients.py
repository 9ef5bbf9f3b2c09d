"""WebSockets as clients of others have them: aiohttp, websockets, Node, curl. Chromium is in tests/chat."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import playwright
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

from ..serving import PATIENCE, Running, error_records
from .test_curl import curl

Serve = Callable[..., Running]

SIZE = 1_000_000

PAYLOAD = bytes(index % 251 for index in range(SIZE))

# Playwright brings a Node along, whatever the system has, or has not.
NODE = Path(playwright.__file__).parent / "driver" / "node"

SCRIPT = Path(__file__).with_name("websocket_client.mjs")


class Echo(NamedTuple):
    """A server that echoes, and closes when it is told so."""

    running: Running
    is_compressed: bool
    codes: list[int | None]
    """What each WebSocket was closed with."""

    @property
    def url(self) -> str:
        return self.running.url.replace("http", "ws")

    def wait_for_codes(self, *codes: int) -> None:
        self.running.wait_until(lambda: self.codes == [*codes])


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def server(serve: Serve, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Echo]:
    app = Kyoukai("echo")
    codes: list[int | None] = []

    @app.websocket("/", subprotocols=["echo.v1"], compression=request.param)
    async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        async for message in ws:
            if message == "close":
                await ws.close(4001, "as it was told")
            else:
                await ws.send(message)
        codes.append(ws.close_code)

    running = serve(app)
    yield Echo(running, request.param, codes)
    running.wait_until_empty()
    assert error_records(caplog) == []


def test_aiohttp(server: Running) -> None:
    async def main() -> None:
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(server.url, protocols=["echo.v1"], compress=15 * server.is_compressed) as ws,
        ):
            assert ws.protocol == "echo.v1"
            assert bool(ws.compress) is server.is_compressed
            await ws.send_str("täxt")
            assert await ws.receive_str(timeout=PATIENCE) == "täxt"
            await ws.send_bytes(PAYLOAD)
            assert await ws.receive_bytes(timeout=PATIENCE) == PAYLOAD
            await ws.send_str("close")
            last = await ws.receive(timeout=PATIENCE)
            assert (last.type, last.data, last.extra) == (aiohttp.WSMsgType.CLOSE, 4001, "as it was told")
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(server.url) as ws,
        ):
            await ws.close(code=4002, message=b"bye")

    asyncio.run(main())
    server.wait_for_codes(4001, 4002)


def test_websockets(server: Running) -> None:
    async def main() -> None:
        compression = "deflate" if server.is_compressed else None
        async with connect(
            server.url, proxy=None, subprotocols=["echo.v1"], compression=compression, max_size=SIZE
        ) as ws:
            assert ws.subprotocol == "echo.v1"
            assert bool(ws.protocol.extensions) is server.is_compressed
            await ws.send(["tä", "xt"])
            assert await ws.recv() == "täxt"
            await ws.send(PAYLOAD)
            assert await ws.recv() == PAYLOAD
            await (await ws.ping())
            await ws.send("close")
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "as it was told")
        async with connect(server.url, proxy=None) as ws:
            await ws.close(4002, "bye")

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
    server.wait_for_codes(4001, 4002)


def test_node(server: Running) -> None:
    done = subprocess.run(
        [NODE, SCRIPT, server.url, str(SIZE)],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert ("permessage-deflate" in found.pop("extensions")) is server.is_compressed
    assert found == {
        "protocol": "echo.v1",
        "text": "täxt",
        "same": True,
        "code": 4001,
        "reason": "as it was told",
        "wasClean": True,
    }
    server.wait_for_codes(4001)


def test_curl(serve: Serve) -> None:
    """It is shown the handshake, and the frames as bytes: what is behind a 101 it takes for the body."""
    app = Kyoukai("greeting")

    # It answers no close.
    @app.websocket("/", close_timeout=0.1)
    async def greet(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send("hello")

    fields = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    options = [option for field in fields for option in ("--header", field)]
    server = serve(app)
    got = curl("--include", "--no-buffer", *options, server.url)
    assert got.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in got
    assert got.endswith(b"\r\n\r\n\x81\x05hello\x88\x02\x03\xe8")
    server.wait_until_empty()
