"""``python -m benchmarks.guard.observers``: what observers add to the instructions of a small request.

Nothing is compared with a baseline: the request without observers is counted in the same run. With
arguments it is the script that is counted, as :mod:`benchmarks.guard.script` is.
"""

import functools
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

import uvloop
from asphalt.core import Context

from benchmarks.guard import yardstick
from benchmarks.guard.script import REQUESTS, YARDSTICK, ask, connect, do_in_rounds
from benchmarks.report import aligned
from kyoukai.core.serving.observing import Observe, told
from kyoukai.server.access_log import AccessLog
from kyoukai.server.metrics import counting
from kyoukai.server.metrics.layout import DURATIONS
from kyoukai.server.metrics.region import Region

PLAIN: Final = "nothing"


def multiprocess() -> Observe:
    """Return what counts by prometheus-client's own multiprocess mode, as much as ours does."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp()
    from time import perf_counter

    from prometheus_client import Counter, Histogram

    requests = Counter("requests", "x", ["method", "status", "route"])
    durations = Histogram("durations", "x", ["method", "route"], buckets=DURATIONS)
    sizes = Counter("sizes", "x", ["method", "route"])

    def observe(exchange: Any, request: Any, response: Any) -> None:
        method, route = exchange.head.method, request.matched_route.rule.rule
        requests.labels(method, str(exchange.status), route).inc()
        durations.labels(method, route).observe(perf_counter() - exchange.began)
        sizes.labels(method, route).inc(exchange.sent)

    return observe


def logging_to_nothing(template: str) -> Observe:
    """Return an access log whose lines are formatted, and thrown away."""
    log = AccessLog(template)
    log.logger.propagate = False
    log.logger.setLevel(logging.INFO)
    log.logger.addHandler(logging.NullHandler())
    return log


def counting_in_a_region() -> Observe:
    """Return what counts by shared memory."""
    # Under callgrind a request takes fifty times as long, and would fall into another bucket.
    slow = tuple(1000 * bound for bound in DURATIONS)
    with mock.patch.object(counting, "DURATIONS", slow):
        return counting.Counting(Region.create()).observe


OBSERVERS: Final[dict[str, Callable[[], list[Observe]]]] = {
    PLAIN: list,
    "metrics": lambda: [counting_in_a_region()],
    "prometheus-client's multiprocess mode": lambda: [multiprocess()],
    "an access log": lambda: [logging_to_nothing('{client} "{request_line}" {status} {sent} {duration}')],
    "an access log as JSON": lambda: [logging_to_nothing("json")],
}


async def run(requests: int, rounds: int) -> list[str]:
    """Do all of it, and return the name of what follows each mark."""
    names: list[str] = []
    async with Context() as ctx:
        component, protocol, transport = connect(ctx, "httptools")
        names += await do_in_rounds(YARDSTICK, functools.partial(yardstick.measure, requests), rounds)
        hello = functools.partial(ask, protocol, transport, REQUESTS["hello"], requests)
        for name, make in OBSERVERS.items():
            component.server.observe = told(make())
            names += await do_in_rounds(name, hello, rounds)
    return names


def main() -> None:
    """Count, and print a table."""
    from benchmarks.guard.counting import count

    counts = count(script=f"benchmarks.guard.{Path(__file__).stem}")
    plain = counts[PLAIN].instructions
    rows = [["observed by", "instructions", "more", ""]]
    for name, found in counts.items():
        if name != YARDSTICK:
            more = found.instructions - plain
            rows.append([name, f"{found.instructions:,.0f}", f"{more:,.0f}", f"{more / plain:.1%}"])
    print("\n".join(aligned(rows)))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(uvloop.run(run(*map(int, sys.argv[1:])))))
    else:
        main()
