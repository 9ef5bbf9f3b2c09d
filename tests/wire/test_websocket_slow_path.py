"""Closes of WebSockets by a path that delays what it carries: both sides see the code and all before it.

On the loopback, what was sent has arrived before anybody can be hasty.
"""

import asyncio
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

from ..serving import PATIENCE, Running, error_records

SIZES = (1, 125, 65_536, 1 << 20, 4 << 20, 16 << 20)

WHO = ("server", "client", "deaf-server")
"""Who closes."""

PIECES = 64
"""Pieces of 64 KiB that are under way at most: what a path of some length holds."""

Seen = dict[tuple[int, str], tuple[int, int | None]]
"""Bytes that one side has got, and the code that it has seen, by size and by who closed."""


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, so many seconds later; the end, too."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES)

    async def read() -> None:
        data = b" "
        while data:
            try:
                data = await reader.read(65536)
            except ConnectionError:
                data = b""
            await under_way.put((loop.time() + delay, data))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
    except OSError:
        # That side is gone, and with it what was on its way there.
        writer.transport.abort()
    finally:
        reading.cancel()


async def relay(port: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry both ways between a client and the server."""
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(carry(reader, other_writer, delay), carry(other_reader, writer, delay))
    for one in (writer, other_writer):
        one.close()


async def close_one(port: int, size: int, who: str, seen: Seen) -> None:
    """Open a WebSocket; have it closed by one side behind a message, and note what the client sees."""
    url = f"ws://127.0.0.1:{port}/{size}?who={who}"
    async with connect(url, max_size=None, compression=None, ping_interval=None, proxy=None) as ws:
        got = 0
        try:
            if who != "server":
                await ws.send(bytes(size))
            if who == "client":
                await ws.close(4001, "by the client")
            while True:
                got += len(await ws.recv())
        except ConnectionClosed:
            seen[size, who] = (got, ws.close_code)


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.2], ids=["at once", "20 ms", "200 ms"])
def test_closes_behind_messages_of_all_sizes(
    serve: Callable[..., Running], delay: float, caplog: pytest.LogCaptureFixture
) -> None:
    app = Kyoukai("closes")
    by_server: Seen = {}
    by_client: Seen = {}

    @app.websocket("/<int:size>", max_message_size=32 << 20)
    async def handle(ctx: HTTPRequestContext, ws: WebSocket, size: int) -> None:
        who, got = ctx.request.args["who"], 0
        if who == "server":
            await ws.send(bytes(size))
            await ws.close(4000, "by the server")
        elif who == "deaf-server":
            await ws.accept()
            await ws.close(4002, "by the server, at once")
        async for message in ws:
            got += len(message)
        by_server[size, who] = (got, ws.close_code)

    async def main(port: int) -> None:
        relays: list[asyncio.Task[None]] = []

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            relays.append(asyncio.create_task(relay(port, delay, reader, writer)))

        async with (
            asyncio.timeout(PATIENCE),
            await asyncio.start_server(accept, "127.0.0.1", 0) as server,
        ):
            path = server.sockets[0].getsockname()[1]
            cases = [(size, who) for size in SIZES for who in WHO]
            await asyncio.gather(*(close_one(path, size, who, by_client) for size, who in cases))
            await asyncio.gather(*relays)

    running = serve(app)
    asyncio.run(main(int(running.url.rpartition(":")[2].strip("/"))))
    running.wait_until_empty()
    assert by_client == {
        **{(size, "server"): (size, 4000) for size in SIZES},
        **{(size, "client"): (0, 4001) for size in SIZES},
        **{(size, "deaf-server"): (0, 4002) for size in SIZES},
    }
    assert by_server == {
        **{(size, "server"): (0, 4000) for size in SIZES},
        **{(size, "client"): (size, 4001) for size in SIZES},
        **{(size, "deaf-server"): (0, 4002) for size in SIZES},
    }
    assert error_records(caplog) == []
