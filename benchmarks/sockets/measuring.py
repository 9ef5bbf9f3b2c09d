"""One measurement of one server."""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Final

from benchmarks import accounting
from benchmarks.measuring import Sample
from benchmarks.running import Running, serving
from benchmarks.servers import Server
from benchmarks.sockets.client import (
    PATIENCE,
    Client,
    Crowd,
    Echoing,
    Listening,
    ask,
    close_all,
    connect,
    frame,
    text,
)
from benchmarks.sockets.servers import Workload
from benchmarks.workloads import WORKLOADS

WARMUP: Final = 1.0
"""Seconds of load before what is measured."""

SETTLING: Final = 0.5
"""Seconds before memory is read: long enough for a task that ends to be gone."""

FIRST: Final = 200
"""Connections before the first reading of memory: what they make grow is not a cost of idle ones."""

AT_ONCE: Final = 100
"""Connections that are opened together."""

GOING_AWAY: Final = (1001).to_bytes(2)

SHUTDOWN_TIMEOUT: Final = 30
"""Seconds that a stop has, by default."""


def measure(workload: Workload, server: Server, seconds: int) -> Sample:
    """Run a server, and measure it.

    :raises RuntimeError: if it does not do what it is asked.
    """
    # For what the server is run with, any workload of requests is as good.
    with serving(server, WORKLOADS["hello"]) as running:
        return asyncio.run(run(workload, running, seconds))


async def run(workload: Workload, running: Running, seconds: int) -> Sample:
    """Measure, and close what was opened."""
    try:
        return await MEASURES[workload.kind](workload, running, seconds)
    finally:
        await close_all()


async def count(messages: Callable[[], int], running: Running, seconds: int) -> Sample:
    """Return what messages cost while as many are sent as arrive."""
    await asyncio.sleep(WARMUP)
    before, cpu, began = messages(), accounting.cpu_times(running.process.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    number, after = messages() - before, accounting.cpu_times(running.process.pid)
    if not number:
        raise RuntimeError("no message has come")
    user, system = ((end - start) / number * 1e6 for start, end in zip(cpu, after, strict=True))
    rate = number / (time.perf_counter() - began)
    return {"cpu": user + system, "user": user, "system": system, "rate": rate}


async def measure_echo(workload: Workload, running: Running, seconds: int) -> Sample:
    """Measure messages that are sent back, one on its way on each connection."""
    payload = text(workload.size)
    clients = [await connect(Echoing("/", payload), running.port) for _ in range(workload.connections)]
    for client in clients:
        client.start()
    sample = await count(lambda: sum(client.messages for client in clients), running, seconds)
    check(clients, payload)
    return sample


async def measure_broadcast(workload: Workload, running: Running, seconds: int) -> Sample:
    """Measure messages to all; each counts as often as it arrives."""
    payload = text(workload.size)
    crowd = Crowd(payload)
    for number in range(workload.connections):
        crowd.listeners.append(
            await connect(Listening("/broadcast", crowd.size, crowd), running.port, number)
        )
    crowd.start()
    sample = await count(lambda: crowd.messages, running, seconds)
    check(crowd.listeners, payload)
    return sample


def check(clients: list[Echoing] | list[Listening], payload: bytes) -> None:
    """Look at what came last, of which a part is there at least.

    :raises RuntimeError: if a client has nothing, is closed, or got something else.
    """
    for client in clients:
        piece = client.last[-32:]
        if client.ended.done() or not piece or piece not in payload + payload:
            raise RuntimeError(f"a message came as {piece!r}")


async def open_idle(workload: Workload, port: int, number: int) -> list[Client]:
    """Open connections, each of which has had one message."""
    payload = text(workload.size)
    clients: list[Client] = []

    async def one(index: int) -> None:
        client = await connect(Client("/", compressed=workload.compressed), port, index)
        clients.append(client)
        await ask(client, payload)

    for start in range(0, number, AT_ONCE):
        await asyncio.gather(*(one(index) for index in range(start, min(start + AT_ONCE, number))))
    return clients


async def measure_idle(workload: Workload, running: Running, seconds: int) -> Sample:
    """Return the memory that each connection takes, in KiB, and that of all, in MiB."""
    pid = running.process.pid
    first = await open_idle(workload, running.port, FIRST)
    for client in first:
        client.transport.abort()
    await asyncio.sleep(SETTLING)
    before = accounting.memory(pid, "VmRSS")
    clients = await open_idle(workload, running.port, workload.connections)
    await asyncio.sleep(SETTLING)
    after = accounting.memory(pid, "VmRSS")
    if any(client.ended.done() for client in clients):
        raise RuntimeError("an idle connection was closed")
    return {"kib": (after - before) / workload.connections, "memory": after / 1024}


async def measure_drain(workload: Workload, running: Running, seconds: int) -> Sample:
    """Return how long a stop takes by which all are closed, and answer.

    :raises RuntimeError: if one is not told, or it takes longer than ``shutdown_timeout``.
    """
    clients = await open_idle(workload, running.port, workload.connections)
    began = time.perf_counter()
    running.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        for client in clients:
            while client.last[2:4] != GOING_AWAY and not client.ended.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            client.transport.write(frame(GOING_AWAY, 8))
        for client in clients:
            await client.ended
    status = await asyncio.to_thread(running.process.wait, PATIENCE)
    took = time.perf_counter() - began
    untold = sum(client.last[2:4] != GOING_AWAY for client in clients)
    if untold or status or took > SHUTDOWN_TIMEOUT:
        raise RuntimeError(f"{untold} were not told; it ended with {status} after {took:.1f} s")
    return {"drain": took}


MEASURES: Final = {
    "echo": measure_echo,
    "broadcast": measure_broadcast,
    "idle": measure_idle,
    "drain": measure_drain,
}
