"""Closes of WebSockets by a path that delays what it carries: both sides see the code and all before it.

On the loopback, what was sent has arrived before anybody can be hasty.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..processes import network_namespaces_are_allowed
from ..serving import PATIENCE, Running, error_records
from .closing_websockets import WHO, Seen, close_one, closing_app, seen_by_client, seen_by_server

ROOT = Path(__file__).parents[2]

SIZES = (1, 125, 65_536, 1 << 20, 4 << 20, 16 << 20)

PIECES = 64
"""Pieces of 64 KiB that are under way at most: what a path of some length holds."""


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


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.2], ids=["at once", "20 ms", "200 ms"])
def test_closes_behind_messages_of_all_sizes(
    serve: Callable[..., Running], delay: float, caplog: pytest.LogCaptureFixture
) -> None:
    by_server: Seen = {}
    by_client: Seen = {}

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
            await asyncio.gather(
                *(close_one(f"127.0.0.1:{path}", size, who, by_client) for size, who in cases)
            )
            await asyncio.gather(*relays)

    running = serve(closing_app(by_server))
    asyncio.run(main(int(running.url.rpartition(":")[2].strip("/"))))
    running.wait_until_empty()
    assert by_client == seen_by_client(SIZES)
    assert by_server == seen_by_server(SIZES)
    assert error_records(caplog) == []


@pytest.mark.skipif(not network_namespaces_are_allowed(), reason="this system lets us make no network")
def test_closes_on_a_path_that_loses_packets(backend: str) -> None:
    """One packet of a hundred is lost, and all of a message arrives before the close of it."""
    sizes = SIZES[:4]
    command = ["unshare", "--map-root-user", "--net", sys.executable, "-m", "tests.wire.lossy_path"]
    command += ["--backend", backend, "--delay", "0.005", *map(str, sizes)]
    # The helpers of tests wait within assertions, which pytest keeps and -O leaves out. The development mode
    # writes a line for each callback that a busy machine makes slow.
    environ = {**os.environ, "PYTHONOPTIMIZE": "", "PYTHONDEVMODE": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=2 * PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    by_client, by_server = (
        {(size, who): (got, code) for size, who, got, code in seen} for seen in json.loads(done.stdout)
    )
    assert by_client == seen_by_client(sizes)
    assert by_server == seen_by_server(sizes)
