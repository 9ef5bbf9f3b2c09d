"""Reloads and killed workers under load: a client counts what it gets, and nothing may be missing.

``KYOUKAI_LOAD_SECONDS`` sets how long each test loads the server; a hundred reloads take some minutes.
"""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from ..server.supervisor.supervised import Supervised, supervised
from ..serving import PATIENCE

SECONDS = float(os.environ.get("KYOUKAI_LOAD_SECONDS", "8"))

RATE = float(os.environ.get("KYOUKAI_LOAD_RATE", "1000"))
"""Requests a second, if the machine is fast enough."""

CONNECTIONS = 32

KIB = 1024

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65536\r\n\r\n" + bytes(64 * KIB)


@dataclass
class Load:
    """Clients, and what they count."""

    port: int
    answered: int = 0
    reconnected: int = 0
    closed_idle: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    lost: list[int] = field(default_factory=list)
    """When each failure was noticed, by the number of kills before it."""
    kills: int = 0

    async def ask(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Ask once; return whether the connection stays open."""
        posts = number % 4 == 0
        writer.write(POST if posts else GET)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:] if line)
        }
        body = await reader.readexactly(int(fields[b"content-length"]))
        if not head.startswith(b"HTTP/1.1 200 ") or (posts and body != b"65536"):
            raise ValueError(f"{head!r} {body!r}")
        self.answered += 1
        return fields.get(b"connection") != b"close"

    async def client(self, pause: float, stop: asyncio.Event) -> None:
        """Ask on a connection that is kept, and on the next when the server says that it was the last."""
        number = 0
        while not stop.is_set():
            writer = None
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    while not stop.is_set():
                        if reader.at_eof():
                            # It was closed while it was idle: a client sees so before it asks.
                            self.closed_idle += 1
                            break
                        number += 1
                        kept = await self.ask(number, reader, writer)
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), pause)
                        if not kept:
                            self.reconnected += 1
                            break
                        # A kept connection is let go now and then, so that there are new ones, too.
                        if number % 50 == 0:
                            break
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.failures[f"{type(error).__name__}: {error}"] += 1
                self.lost.append(self.kills)
            finally:
                if writer is not None:
                    writer.close()

    @contextlib.asynccontextmanager
    async def loading(self) -> AsyncIterator[None]:
        """Ask while the block runs."""
        stop = asyncio.Event()
        clients = [asyncio.create_task(self.client(CONNECTIONS / RATE, stop)) for _ in range(CONNECTIONS)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*clients)


async def until(server: Supervised, text: str, count: int) -> None:
    """Wait until the log has said something so often."""
    async with asyncio.timeout(3 * PATIENCE):
        while server.process.stderr.count(text) < count:  # noqa: ASYNC110 - Another thread reads it.
            await asyncio.sleep(0.02)


def test_no_request_fails_while_the_application_is_loaded_anew(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        server.workers(2)
        load = Load(server.port)
        reloads = 0

        async def run() -> None:
            nonlocal reloads
            end = asyncio.get_running_loop().time() + SECONDS
            async with load.loading():
                while reloads == 0 or asyncio.get_running_loop().time() < end:
                    reloads += 1
                    server.signal(signal.SIGHUP)
                    await until(server, "reloaded: 2 new workers serve", reloads)
            await until(server, "has ended (reload): exit status 0", 2 * reloads)

        asyncio.run(run())
        print(
            f"{reloads} reloads, {load.answered} answers, {load.reconnected} connections led on, "
            f"{load.closed_idle} closed while idle"
        )
        assert load.failures == Counter(), server.process.stderr
        assert load.answered > 0
        server.signal(signal.SIGTERM)
        server.finish()


def test_only_what_a_killed_worker_had_begun_is_lost(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        load = Load(server.port)
        victims = server.workers(2)

        async def run() -> None:
            end = asyncio.get_running_loop().time() + SECONDS
            async with load.loading():
                while load.kills == 0 or asyncio.get_running_loop().time() < end:
                    victim = server.workers(2)[load.kills]
                    load.kills += 1
                    os.kill(victim, signal.SIGKILL)
                    await until(server, "is ready after", 2 + load.kills)
                    await asyncio.sleep(1)

        asyncio.run(run())
        lost = sum(load.failures.values())
        print(f"{load.kills} kills, {load.answered} answers, {lost} requests lost: {dict(load.failures)}")
        # A connection has one request under way, and a worker no more than all of them.
        by_kill = Counter(load.lost)
        assert all(count <= CONNECTIONS for count in by_kill.values()), by_kill
        assert all("Connect call failed" not in failure for failure in load.failures)
        assert not any(failure.startswith(("ValueError", "TimeoutError")) for failure in load.failures)
        assert len(victims) == 2
        server.signal(signal.SIGTERM)
        server.finish()
