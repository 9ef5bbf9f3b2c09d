"""``python -m benchmarks.losses``: requests lost during reloads, upgrades and kills of workers.

Clients with persistent connections load a server with workers; every fourth request is a POST of 64 KiB. Then
the server gets SIGHUP again and again; then SIGUSR2, each time until the old process has ended; then a worker
is killed each second. Each line shows the counts of the clients: a request without an answer, or with a wrong
one, has failed. It needs Linux.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

PATIENCE: Final = 60.0
"""Seconds to wait for an expected event."""

WORKERS: Final = 2

CONNECTIONS: Final = 32

KIB: Final = 1024

HOST: Final = "Host: localhost\r\n"

GET: Final = f"GET / HTTP/1.1\r\n{HOST}\r\n".encode()

POST: Final = f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: {64 * KIB}\r\n\r\n".encode() + bytes(64 * KIB)

RESETS: Final = (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError)
"""The exceptions of a connection that was cut off."""

app = Kyoukai("losses")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> Any:
    """Answer at once."""
    return Response("ok", headers={"X-Worker": str(os.getpid())})


@app.route("/echo", methods=["POST"])
async def echo(ctx: HTTPRequestContext) -> Any:
    """Read a body, and answer with its length."""
    return Response(str(len(ctx.request.get_data())), headers={"X-Worker": str(os.getpid())})


@dataclass
class Load:
    """The clients and their counts."""

    port: int
    rate: float = 1000.0
    """Target requests a second of all clients together, if the machine is fast enough."""
    answered: int = 0
    posted: int = 0
    """The number of POST requests among the answered ones."""
    led_on: int = 0
    """Connections whose last answer announced the close."""
    closed_idle: int = 0
    """Connections that were closed without a request in progress."""
    reset: int = 0
    """Requests whose connection was cut off before the answer."""
    failures: Counter[str] = field(default_factory=Counter)
    """All failed requests, including reset ones."""
    lost: Counter[str] = field(default_factory=Counter)
    """Failed requests by worker; the empty name stands for connections without an answer so far."""

    async def ask(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str | None:
        """Send one request; return the answering worker, or ``None`` if the answer announced the close.

        :raises ValueError: if the answer is wrong.
        """
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
        self.posted += posts
        return None if fields.get(b"connection") == b"close" else fields.get(b"x-worker", b"").decode()

    async def client(self, stop: asyncio.Event) -> None:
        """Send requests on a persistent connection, and open another when the server announces the close."""
        number, loop = 0, asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            writer, worker = None, ""
            try:
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    while not stop.is_set():
                        if reader.at_eof():
                            # A client notices this before it sends a request.
                            self.closed_idle += 1
                            break
                        number += 1
                        answering = await self.ask(number, reader, writer)
                        # A late client stays late: it does not catch up.
                        due = max(due + CONNECTIONS / self.rate, loop.time())
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), due - loop.time())
                        if answering is None:
                            self.led_on += 1
                            break
                        worker = answering
                        # Drop a persistent connection now and then, so that there are new ones too.
                        if number % 50 == 0:
                            break
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.reset += isinstance(error, RESETS)
                self.failures[f"{type(error).__name__}: {error}"] += 1
                self.lost[worker] += 1
            finally:
                if writer is not None:
                    writer.close()

    @contextlib.asynccontextmanager
    async def loading(self) -> AsyncIterator[None]:
        """Load the server during the block."""
        stop = asyncio.Event()
        clients = [asyncio.create_task(self.client(stop)) for _ in range(CONNECTIONS)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*clients)


class Served:
    """A server with workers, whose log is read."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[str], workers: int = WORKERS) -> None:
        self.pid = process.pid
        """The process id of the serving supervisor."""
        self.workers = workers
        """The number of workers."""
        self._process = process
        self._log = log
        self._text = ""

    def found(self, pattern: str) -> list[str]:
        """Return the matches of a pattern in the log."""
        self._text += self._log.read()
        return re.findall(pattern, self._text)

    async def until(self, pattern: str, count: int) -> list[str]:
        """Wait for this many matches of a pattern, and return them."""
        end = time.monotonic() + PATIENCE
        while len(found := self.found(pattern)) < count:
            if time.monotonic() > end:
                raise RuntimeError(f"{pattern!r} did not come {count} times; the log says:\n{self._text}")
            await asyncio.sleep(0.02)
        return found

    async def has_ended(self, pid: int) -> None:
        """Wait until a process has ended."""
        while pid != self._process.pid and os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)
        while pid == self._process.pid and self._process.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@contextlib.contextmanager
def serving(
    backend: str, target: str = "benchmarks.losses:app", workers: int = WORKERS, *options: str
) -> Iterator[Served]:
    """Serve during the block.

    :param target: the application.
    :param options: further options of the command.
    """
    command = [sys.executable, "-m", "kyoukai", "run", target, "--backend", backend, *options]
    command += ["--port", "0", "--workers", str(workers), "--no-access-log", "--admin", "127.0.0.1:0"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        with path.open("w") as written, path.open() as log:
            process = subprocess.Popen(command, stderr=written)
            served = Served(process, log, workers)
            try:
                yield served
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(served.pid, signal.SIGTERM)
                asyncio.run(served.has_ended(served.pid))
                process.wait()


async def reload(served: Served, load: Load, count: int) -> None:
    """Reload the application this many times."""
    async with load.loading():
        for number in range(1, count + 1):
            os.kill(served.pid, signal.SIGHUP)
            await served.until("reloaded: ", number)
    await served.until(r"has ended \(reload\): exit status 0", WORKERS * count)


async def upgrade(served: Served, load: Load, count: int) -> None:
    """Upgrade this many times: start a new supervisor, and wait for the end of the old one."""
    async with load.loading():
        for number in range(1, count + 1):
            old = served.pid
            os.kill(old, signal.SIGUSR2)
            found = await served.until(r"upgraded: the new supervisor \(pid (\d+)\)", number)
            served.pid = int(found[-1])
            await served.has_ended(old)


async def kill(served: Served, load: Load, count: int) -> None:
    """Kill a worker each second, this many times."""
    async with load.loading():
        for number in range(count):
            await asyncio.sleep(1)
            ready = await served.until(r"worker \d+ \(pid (\d+)\) is ready", WORKERS + number)
            os.kill(int(ready[number]), signal.SIGKILL)
        await served.until("is ready after", WORKERS + count)


def counted(served: Served) -> float:
    """Return the number of requests that the server has counted."""
    [port] = served.found(r"/metrics are at http://127\.0\.0\.1:(\d+)")[-1:]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("kyoukai_requests_total"))


def describe(what: str, load: Load, took: float) -> str:
    """Return the clients' counts as text."""
    failed = sum(load.failures.values())
    return (
        f"{what} in {took:.0f} s: {load.answered} requests answered, {load.answered / took:.0f} a second, "
        f"{load.posted} of them a POST of 64 KiB; {failed} failed, {load.reset} of them reset; "
        f"{load.led_on} connections led on, {load.closed_idle} closed while idle"
    )


async def measure(
    what: str, proof: Any, served: Served, count: int, rate: float, kind: type[Load] = Load
) -> bool:
    """Measure one kind of event, print the result, and return whether it is as expected."""
    found = await served.until(r"serves http://127\.0\.0\.1:(\d+)", 1)
    await served.until("is ready after", WORKERS)
    load = kind(int(found[-1]), rate)
    began = time.monotonic()
    await proof(served, load, count)
    print(describe(f"{count} {what}", load, time.monotonic() - began))
    for failure, times in load.failures.items():
        print(f"    {times} times {failure}")
    if proof is kill:
        killed = sum(load.lost[pid] for pid in served.found(r"\(pid (\d+)\) ended unexpectedly: SIGKILL"))
        others = load.failures.total() - load.reset
        print(
            f"    lost, begun by the worker that was killed: {load.reset}, of them {killed} on connections "
            f"on which it had answered before; lost otherwise: {others}"
        )
        return others == 0
    end = time.monotonic() + PATIENCE
    while (  # noqa: ASYNC110
        total := await asyncio.to_thread(counted, served)
    ) != load.answered and time.monotonic() < end:
        await asyncio.sleep(0.1)
    print(f"    /metrics has counted {total:.0f}")
    return not load.failures and total == load.answered


def main() -> int:
    """Run the requested measurements; return the exit status."""
    parser = argparse.ArgumentParser(description="What clients lose while a server's processes change.")
    parser.add_argument("--hups", type=int, default=100, help="how often the application is loaded anew")
    parser.add_argument("--upgrades", type=int, default=20, help="how often a new supervisor takes over")
    parser.add_argument("--kills", type=int, default=30, help="how many workers are killed, one a second")
    parser.add_argument("--rate", type=float, default=1000.0, help="requests a second")
    parser.add_argument("--backend", default="httptools")
    options = parser.parse_args()
    proofs = (
        ("reloads", reload, options.hups),
        ("upgrades", upgrade, options.upgrades),
        ("workers killed", kill, options.kills),
    )
    good = True
    for what, proof, count in proofs:
        if count:
            with serving(options.backend) as served:
                good = asyncio.run(measure(what, proof, served, count, options.rate)) and good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
