"""Measures one server once, and all servers in rounds."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import accounting, checking, idle, load
from benchmarks.running import Running, serving
from benchmarks.servers import Server
from benchmarks.workloads import Workload

Sample = dict[str, float]
"""One measurement: values by the names of `figures.MEASURES`."""

Samples = dict[str, dict[str, list[Sample]]]
"""Samples by workload, server and round."""

WARMUP = 1
"""Seconds of load before the measurement."""


def measure_load(workload: Workload, running: Running, seconds: int) -> Sample:
    """Return the cost of requests under a load of as many requests as are answered."""
    load.run(workload, running.port, WARMUP)
    before = accounting.cpu_times(running.process.pid)
    done = load.run(workload, running.port, seconds)
    after = accounting.cpu_times(running.process.pid)
    user, system = ((end - start) / done.requests * 1e6 for start, end in zip(before, after, strict=True))
    # wrk corrects its latencies for requests that were not sent meanwhile, and counts each request of a batch
    # on its own. So its latencies of pipelined requests mean nothing.
    waited = {"p50": done.p50, "p99": done.p99} if workload.pipelined == 1 else {}
    return {
        "cpu": user + system,
        "user": user,
        "system": system,
        "rate": done.requests / done.seconds,
        **waited,
        "memory": accounting.memory(running.process.pid, "VmHWM") / 1024,
    }


def measure_start(running: Running, answered: float) -> Sample:
    """Return the cost of a start, up to the server's first answer."""
    return {
        "start": (answered - running.started) * 1000,
        "start_cpu": sum(accounting.cpu_times(running.process.pid)) * 1000,
        "memory": accounting.memory(running.process.pid, "VmHWM") / 1024,
    }


def measure(workload: Workload, server: Server, seconds: int) -> Sample:
    """Run a server, check its answers, and measure it.

    :raises WrongAnswerError: if an answer is wrong.
    :raises RuntimeError: if the measurement fails otherwise.
    """
    with serving(server, workload) as running:
        checking.check(workload, running.port)
        answered = time.perf_counter()
        if workload.kind == "start":
            return measure_start(running, answered)
        if workload.kind == "idle":
            return idle.measure(workload, running)
        return measure_load(workload, running, seconds)


def order(servers: Sequence[str], number: int) -> list[str]:
    """Return the order of a round.

    Each round begins with the next server, so that no server always has the best place.
    """
    start = number % max(len(servers), 1)
    return [*servers[start:], *servers[:start]]


def asked(name: str, workload: Any, servers: Mapping[str, Server]) -> list[str]:
    """Return the servers that take part in a workload."""
    return [
        server
        for server in servers
        if name not in servers[server].without and (not workload.servers or server in workload.servers)
    ]


def measure_all(
    workloads: Mapping[str, Any],
    servers: Mapping[str, Server],
    rounds: int,
    seconds: int,
    tell: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True),
    measure_one: Callable[[Any, Server, int], Sample] | None = None,
) -> tuple[Samples, list[str]]:
    """Return all samples, and the failed measurements.

    :param measure_one: measures one server; by default :func:`measure`, for workloads of requests.

    For each workload, the servers take turns in rounds, so that changes in the machine's speed affect all
    alike. A server that fails is not measured again for that workload and has no samples of it; the others
    continue.
    """
    samples: Samples = {}
    failures: list[str] = []
    for name, workload in workloads.items():
        left = asked(name, workload, servers)
        samples[name] = {server: [] for server in left}
        for number in range(rounds):
            for server in order(left, number):
                try:
                    sample = (measure_one or measure)(workload, servers[server], seconds)
                except (OSError, RuntimeError) as error:
                    failures.append(f"{name}: {server}: {type(error).__name__}: {error}")
                    tell(failures[-1])
                    left.remove(server)
                    del samples[name][server]
                    continue
                samples[name][server].append(sample)
                values = ", ".join(f"{measure} {value:.4g}" for measure, value in sample.items())
                tell(f"{name}, round {number + 1} of {rounds}: {server}: {values}")
    return samples, failures
