"""``python -m benchmarks.balance``: how evenly workers share 256 connections, and the requests on them.

Clients keep their connections. First, each sends requests at a rate that leaves all cores idle time: the
number of answers of a worker then depends only on its connections. Then the clients send requests as fast as
they are answered. With fewer cores than workers, the system's scheduler decides which worker answers; the
connections are shared as before. It needs Linux.
"""

import argparse
import asyncio
import contextlib
import time
from collections import Counter
from typing import Final

from benchmarks.losses import GET, PATIENCE, serving

BOUND: Final = 1.3
"""The limit for the busiest worker, as a multiple of the mean."""

CONNECTIONS: Final = 256

WORKERS: Final = 4


async def ask(
    port: int, interval: float, end: float, connections: Counter[str], answers: Counter[str]
) -> None:
    """Send requests on one persistent connection.

    :param interval: seconds between two requests; 0: send the next request after the answer.
    :param end: end of the load, on the loop's clock.
    :param connections: counts this connection for the worker that answers on it.
    :param answers: counts its answers in the same way.
    """
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due, worker = loop.time(), ""
    with contextlib.closing(writer):
        while loop.time() < end:
            writer.write(GET)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\nok"), PATIENCE)
            worker = head.partition(b"X-Worker: ")[2].partition(b"\r\n")[0].decode()
            answers[worker] += 1
            due += interval
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
    connections[worker] += 1


async def load(port: int, interval: float, seconds: float) -> tuple[Counter[str], Counter[str]]:
    """Return the number of connections and of answered requests of each worker."""
    connections: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    end = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(ask(port, interval, end, connections, answers) for _ in range(CONNECTIONS)))
    return connections, answers


def unevenness(counts: Counter[str]) -> float:
    """Return the count of the busiest worker, as a multiple of the mean."""
    return max(counts.values()) * WORKERS / counts.total()


def measure(backend: str, rate: float, seconds: float) -> tuple[float, float, float]:
    """Load a newly started server.

    :param rate: requests a second on each connection; 0: as many as are answered.
    :return: the unevenness of connections and of requests, and the total of requests a second.
    """
    with serving(backend, workers=WORKERS) as served:
        asyncio.run(served.until("is ready after", WORKERS))
        [port] = served.found(r"serves http://127\.0\.0\.1:(\d+)")
        began = time.monotonic()
        connections, answers = asyncio.run(load(int(port), 1 / rate if rate else 0.0, seconds))
        return unevenness(connections), unevenness(answers), answers.total() / (time.monotonic() - began)


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description="How evenly workers share connections and requests.")
    parser.add_argument("--backend", default="httptools")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each time")
    parser.add_argument("--rate", type=float, default=8.0, help="requests a second of a connection")
    options = parser.parse_args()
    print(f"{WORKERS} workers, {CONNECTIONS} connections; the busiest worker, as a multiple of the mean:")
    is_even = True
    for rate in (options.rate, 0.0):
        for _ in range(options.rounds):
            connections, requests, total = measure(options.backend, rate, options.seconds)
            print(
                f"{f'{rate:g} requests a second each' if rate else 'as fast as they are answered'}: "
                f"connections {connections:.2f}, requests {requests:.2f} ({total:,.0f} a second)"
            )
            is_even = is_even and connections <= BOUND and (not rate or requests <= BOUND)
    return 0 if is_even else 1


if __name__ == "__main__":
    raise SystemExit(main())
