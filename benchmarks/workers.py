"""``python -m benchmarks.workers``: the gain of a second worker, and /livez while every worker is blocked.

wrk loads one worker and two workers in turn, as fast as they answer. The CPU time of a request comes from the
system's accounting of all processes of the server. Two workers on two cores answer twice as many requests as
one on one core, less the extra cost of a request: this leaves out the clients, which need cores too. Then a
handler blocks the loop of each worker, and new connections request ``/livez``. It needs Linux, wrk and two
cores.
"""

import argparse
import asyncio
import statistics
import time
import urllib.request
from typing import Final

from benchmarks import accounting, load
from benchmarks.losses import PATIENCE, Served, serving
from benchmarks.workloads import WORKLOADS
from kyoukai import HTTPRequestContext, Kyoukai

WANTED: Final = 1.8
"""The least gain of two workers, as a multiple of the requests of one."""

BOUND: Final = 100.0
"""The most milliseconds that ``/livez`` may take."""

BLOCKED: Final = 0.5
"""Seconds of lateness after which a loop counts as blocked."""

STUCK: Final = ("--worker-timeout", "0", "--shutdown-timeout", "0", "--background-timeout", "0")
"""Options that keep blocked workers running, and end them soon at the stop."""

app = Kyoukai("workers")


@app.route("/block")
async def block(ctx: HTTPRequestContext) -> str:
    """Block the loop for good."""
    while True:
        time.sleep(1)  # noqa: ASYNC251 - It is what is measured.


def port(served: Served, pattern: str = r"serves http://127\.0\.0\.1:(\d+)") -> int:
    """Return the port in the log once all workers are ready."""
    asyncio.run(served.until("is ready after", served.workers))
    return int(served.found(pattern)[-1])


def cost(served: Served, seconds: int) -> float:
    """Return the CPU time of a request, in microseconds."""
    before = accounting.cpu_times(served.pid)
    done = load.run(WORKLOADS["hello"], port(served), seconds)
    after = accounting.cpu_times(served.pid)
    return sum(end - start for start, end in zip(before, after, strict=True)) / done.requests * 1e6


def compare(backend: str, rounds: int, seconds: int) -> bool:
    """Measure one worker and two, print the results, and return whether the gain is large enough."""
    found: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        # Each is first equally often.
        for workers in (1, 2) if number % 2 else (2, 1):
            with serving(backend, "benchmarks.apps:kyoukai", workers) as served:
                load.run(WORKLOADS["hello"], port(served), 1)
                found[workers].append(cost(served, seconds))
    one, two = (statistics.median(found[workers]) for workers in (1, 2))
    times = 2 * one / two
    print(
        f"one worker: {one:.2f} us of CPU a request; two: {two:.2f}, {100 * (two / one - 1):+.1f} %; "
        f"two on two cores answer {times:.2f} times as many, of {WANTED:g} wanted"
    )
    return times >= WANTED


def lateness(port: int) -> list[float]:
    """Return the lateness of each worker's loop in seconds, from the metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return [float(line.split()[-1]) for line in lines if line.startswith("kyoukai_event_loop_late_seconds{")]


async def block_all(served: Served, admin: int, addresses: tuple[str, int]) -> None:
    """Let handlers block the loops of all workers, and wait until they do."""
    writers = []
    end = time.monotonic() + PATIENCE
    while min(await asyncio.to_thread(lateness, admin)) < BLOCKED:
        if time.monotonic() > end:
            raise RuntimeError("not every worker is blocked")
        # Each connection reaches a random worker.
        _, writer = await asyncio.open_connection(*addresses)
        writer.write(b"GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n")
        writers.append(writer)
        await asyncio.sleep(0.05)
    for writer in writers:
        writer.transport.abort()


def ask(backend: str, asks: int) -> bool:
    """Request ``/livez`` while every worker is blocked; print the time, and return whether it passes."""
    took = []
    with serving(backend, "benchmarks.workers:app", 2, *STUCK) as served:
        main = port(served)
        admin = port(served, r"/metrics are at http://127\.0\.0\.1:(\d+)")
        asyncio.run(block_all(served, admin, ("127.0.0.1", main)))
        for _ in range(asks):
            began = time.perf_counter()
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/livez", timeout=PATIENCE) as answer:
                answer.read()
            took.append(1000 * (time.perf_counter() - began))
        late = lateness(admin)
    print(
        f"/livez while the loops of all {len(late)} workers are blocked, {asks} times: "
        f"{statistics.median(took):.1f} ms in the median, {max(took):.1f} ms at most, of {BOUND:g} allowed"
    )
    return max(took) <= BOUND and min(late) >= BLOCKED


def main() -> int:
    """Run both measurements; return the exit status."""
    parser = argparse.ArgumentParser(description="What a second worker is worth, and /livez meanwhile.")
    parser.add_argument("--backend", default="httptools")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured; 0: not at all")
    parser.add_argument("--seconds", type=int, default=4, help="how long each time")
    parser.add_argument("--asks", type=int, default=200, help="how often /livez is asked")
    options = parser.parse_args()
    is_worth = not options.rounds or compare(options.backend, options.rounds, options.seconds)
    return 0 if ask(options.backend, options.asks) and is_worth else 1


if __name__ == "__main__":
    raise SystemExit(main())
