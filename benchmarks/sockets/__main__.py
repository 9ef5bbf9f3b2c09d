"""``python -m benchmarks.sockets``: what WebSockets cost, ours beside others', in one run.

The server has one core and its clients the other. Servers take turns, and the medians of the rounds are
compared, as ``python -m benchmarks`` does for requests. CPU time is that of the server's processes, user and
system. It needs Linux, two cores and taskset. The peers are those of ``python -m benchmarks setup``.
"""

import argparse
from typing import Final

import uvloop

from benchmarks import measuring, options
from benchmarks.sockets.measuring import measure
from benchmarks.sockets.servers import SERVERS, WORKLOADS

COMMAND: Final = options.Command("benchmarks.sockets", __doc__, SERVERS, WORKLOADS)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    parser = options.parser_of(COMMAND)
    parser.add_argument("--connections", type=int, help="idle ones (10,000)")
    return options.read_options(COMMAND, parser, arguments)


def main() -> None:
    """Measure, and say what came of it."""
    given = parse()
    servers, workloads = options.selected(COMMAND, given)
    if given.connections:
        workloads = {
            name: workload._replace(connections=given.connections)
            if workload.kind in ("idle", "drain")
            else workload
            for name, workload in workloads.items()
        }
    options.prepare(servers)
    uvloop.install()
    samples, failures = measuring.measure_all(
        workloads, servers, given.rounds, given.seconds, measure_one=measure
    )
    options.conclude(given, samples, failures, servers, workloads)


if __name__ == "__main__":
    main()
