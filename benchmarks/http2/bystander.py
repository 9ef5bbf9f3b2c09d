"""``python -m benchmarks.http2.bystander``: what a client waits while another attacks the server by HTTP/2.

Each attack is made on a server of its own, for ten seconds: an offender who is sent away connects anew.
Meanwhile a bystander, on a connection of its own, asks every few milliseconds. Printed are the bystander's
times, how far the server's memory grew, its CPU time, and what became of the offender. It needs Linux and two
cores.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, NamedTuple

import uvloop

from benchmarks import accounting
from benchmarks.http2 import frames
from benchmarks.http2.attacks import ATTACKS, Amount, stream
from benchmarks.http2.offender import Offender, connected
from benchmarks.http2.servers import SERVERS
from benchmarks.options import add_choice, check_choice, make_parser
from benchmarks.running import Running, keep_to_client_core, serving
from benchmarks.servers import KYOUKAI
from benchmarks.workloads import WORKLOADS

PACE: Final = 0.005
"""Seconds between two questions of the bystander."""

LEAST: Final = 10
"""Answers that the bystander has had at the least."""

P99: Final = 250.0
"""The most milliseconds within which 99 of 100 of the bystander's answers must come."""

GROWTH: Final = 64.0
"""The most MiB by which the server may grow."""

LIMITS: Final = "--write-timeout 5"
"""What the server is told: it need not wait for half a minute to be rid of a client who does not read."""


class Outcome(NamedTuple):
    """What an attack has done."""

    p50: float
    """Milliseconds that the bystander waited for half of the answers, at most."""
    p99: float
    worst: float
    answers: int
    """How many the bystander has had."""
    growth: float
    """MiB by which the server's resident memory grew, at most."""
    cpu: float
    """Seconds of CPU time that the server has used."""
    seconds: float
    """How long the attack went on."""
    fate: str
    """What became of the offender."""


class Bystander:
    """A client who asks again and again, and notes how long each answer took."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._end = asyncio.Event()

    @contextlib.asynccontextmanager
    async def asking(self, port: int) -> AsyncIterator[None]:
        """Ask while the block runs."""
        asking = asyncio.create_task(self._ask(port))
        try:
            yield
        finally:
            self._end.set()
            await asking

    async def _ask(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        async with connected(Offender, port) as client:
            for number in itertools.count():
                if self._end.is_set():
                    return
                began = loop.time()
                client.send(frames.request(stream(number)))
                await client.until(partial(client.is_done, stream(number)))
                if stream(number) not in client.ended_streams:
                    raise RuntimeError(f"the bystander is not served: {client.goaway} {client.resets}")
                self.took.append((loop.time() - began) * 1000)
                await asyncio.sleep(PACE)


async def attack(name: str, amount: Amount, running: Running) -> Outcome:
    """Make one attack, and say what it has done."""
    pid, bystander = running.process.pid, Bystander()
    async with bystander.asking(running.port):
        # Both have had what they need once.
        await asyncio.sleep(0.5)
        bystander.took.clear()
        before, cpu = accounting.memory(pid, "VmHWM"), sum(accounting.cpu_times(pid))
        began = time.perf_counter()
        fates: Counter[str] = Counter()
        while not fates or len(bystander.took) < LEAST or time.perf_counter() - began < amount.seconds:
            async with connected(Offender, running.port) as client:
                await ATTACKS[name](client, amount)
                # What comes last may be on its way.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(10):
                        await asyncio.shield(client.ended)
                fates[describe(client)] += 1
        seconds = time.perf_counter() - began
        used = sum(accounting.cpu_times(pid)) - cpu
        growth = (accounting.memory(pid, "VmHWM") - before) / 1024
    hundredths = statistics.quantiles(bystander.took, n=100)
    fate = "; ".join(f"{count} times {fate}" for fate, count in fates.most_common(3))
    return Outcome(
        hundredths[49], hundredths[98], max(bystander.took), len(bystander.took), growth, used, seconds, fate
    )


def describe(client: Offender) -> str:
    """Return what became of a client."""
    error = "no GOAWAY" if client.goaway is None else f"GOAWAY {client.goaway:#x}"
    return f"{error}, {'closed' if client.ended.done() else 'still open'}"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = make_parser("benchmarks.http2.bystander", __doc__)
    add_choice(parser, "--attacks", ATTACKS)
    parser.add_argument("--frames", type=int, default=100_000, help="how many of a thing are sent (100,000)")
    parser.add_argument("--rate", type=float, default=10_000.0, help="how many a second (10,000); 0: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each attack goes on (10)")
    options = parser.parse_args(arguments)
    options.attacks = check_choice(parser, options.attacks, ATTACKS, "attack")
    return options


def main() -> int:
    """Make all attacks; return the status to exit with."""
    options = parse()
    keep_to_client_core()
    command = KYOUKAI.format(target="benchmarks.http2.victim:app") + f"h2 {LIMITS}"
    server = SERVERS["kyoukai"]._replace(command=command)
    good = True
    for name in options.attacks:
        with serving(server, WORKLOADS["hello"]) as running:
            found = uvloop.run(attack(name, Amount(options.frames, options.rate, options.seconds), running))
        print(
            f"{name}: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, worst {found.worst:.1f} ms of "
            f"{found.answers}; grew by {found.growth:.1f} MiB; {found.cpu:.2f} s of CPU time in "
            f"{found.seconds:.1f} s; {found.fate}",
            flush=True,
        )
        good = good and found.p99 < P99 and found.growth < GROWTH
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
