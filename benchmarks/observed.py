"""``python -m benchmarks.observed``: the share of a server's CPU time that its metrics take.

A server on its own core answers one request on persistent connections, as fast as wrk on the other core sends
it. Its metrics are switched on and off twenty times a second, and the CPU time of a request, user and
system, is compared between neighbouring periods, so that changes in the machine's speed affect both. With
``--access-log`` the server writes its access log, as by default. It needs Linux, two cores, wrk and taskset.
"""

import argparse
import asyncio
import json
import logging
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, Final

import uvloop
from asphalt.core import Context

from benchmarks import apps, load
from benchmarks.options import make_parser
from benchmarks.running import HOST, ROOT, SERVER_CORE, free_port, keep_to_client_core
from benchmarks.workloads import WORKLOADS
from kyoukai import KyoukaiComponent
from kyoukai.core.applications.forms import answerer_of
from kyoukai.core.serving.observing import Observe, told
from kyoukai.server.logs import own_logging
from kyoukai.server.metrics.counting import Counting
from kyoukai.server.metrics.region import Region
from kyoukai.server.observers import make_observers

PERIOD: Final = 0.05
"""Seconds between two switches."""

LEAST: Final = 50
"""The least number of requests in a period that counts."""

Sample = tuple[bool, float, int]
"""One period: whether metrics were on, the CPU time, and the number of requests."""


class Counted:
    """Counts requests and passes them to the wrapped application."""

    def __init__(self, inner: Any) -> None:
        self.requests = 0
        self.is_told = inner.is_told
        self._answer = inner.answer

    def answer(self, exchange: Any, shared: dict[str, Any]) -> Any:
        """Count a request, and answer it."""
        self.requests += 1
        return self._answer(exchange, shared)


class Switch:
    """Switches the metrics of a server on and off, and records the cost of each period."""

    def __init__(self, component: KyoukaiComponent, logs: Sequence[Observe]) -> None:
        self.answerer = Counted(answerer_of(component.app))
        self.samples: list[Sample] = []
        self._server = component.server
        self._server.around = lambda _: self.answerer
        self._without = told(logs)
        self._with = told([*logs, Counting(Region.create()).observe])
        self._since = 0
        self._began = time.process_time()

    def turn(self) -> None:
        """End a period, and begin the next."""
        now = time.process_time()
        is_on = self._server.observe is self._with
        self.samples.append((is_on, now - self._began, self.answerer.requests - self._since))
        # On, off, off, on: a steady growth affects both alike.
        self._server.observe = self._with if len(self.samples) % 4 in (0, 3) else self._without
        self._began, self._since = time.process_time(), self.answerer.requests
        asyncio.get_running_loop().call_later(PERIOD, self.turn)


async def serve(port: int, backend: str, access_log: bool) -> None:
    """Serve until the end of standard input, and print the samples. The access log goes to standard error."""
    component = KyoukaiComponent(apps.kyoukai, backend=backend, host=HOST, port=port, access_log=False)
    switch = Switch(component, make_observers({"access_log": access_log}))
    async with Context() as ctx:
        await component.start(ctx)
        switch.turn()
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(json.dumps(switch.samples))


def shares(samples: Sequence[Sample]) -> list[float]:
    """Return the relative extra cost of a request with metrics, for each group of four periods."""
    found = []
    for start in range(0, len(samples) - 3, 4):
        four = samples[start : start + 4]
        if all(requests >= LEAST for _, _, requests in four):
            cost = {
                state: sum(cpu for is_on, cpu, _ in four if is_on == state)
                / sum(requests for is_on, _, requests in four if is_on == state)
                for state in (True, False)
            }
            found.append(cost[True] / cost[False] - 1)
    return found


def measure(backend: str, workload: str, seconds: int, access_log: bool = False) -> list[float]:
    """Run a server under load, and return its shares.

    :param workload: the name of the workload.
    :param access_log: whether the server writes its access log to a file.
    :raises RuntimeError: if it does not start.
    """
    port = free_port()
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "benchmarks.observed"]
    command += ["--backend", backend, "--serve", str(port), *(["--access-log"] if access_log else [])]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        if server.stdout is None or server.stdout.readline() != "ready\n":
            raise RuntimeError("the server did not start")
        load.run(WORKLOADS[workload], port, seconds)
        written, _ = server.communicate("")
    return shares(json.loads(written))


def main() -> None:
    """Serve, or measure and print."""
    parser = make_parser("benchmarks.observed", __doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of load (60)")
    parser.add_argument("--backend", default="httptools", help="httptools or reference")
    names = ("hello", "browser", "json", "params", "post", "upload")
    parser.add_argument("--workload", default="hello", choices=names, help="what is asked (hello)")
    parser.add_argument("--access-log", action="store_true", help="with the access log, as by default")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        with own_logging(logging.INFO):
            uvloop.run(serve(options.serve, options.backend, options.access_log))
        return
    keep_to_client_core()
    found = measure(options.backend, options.workload, options.seconds, options.access_log)
    error = statistics.stdev(found) / math.sqrt(len(found))
    print(
        f"metrics take {statistics.mean(found):.2%} ± {error:.2%} more CPU time a request"
        f" ({options.workload}, {options.backend}; mean of {len(found)} comparisons and its standard error)"
    )


if __name__ == "__main__":
    main()
