"""``python -m benchmarks.http2``: what HTTP/2 costs, ours beside others', in one run.

The server has one core and h2load the other. Servers take turns, and the medians of the rounds are
compared, as ``python -m benchmarks`` does for HTTP/1.1. CPU time is that of the server's processes, user and
system. It needs Linux, two cores, taskset and h2load. The peers are those of ``python -m benchmarks setup``.
"""

import argparse
import subprocess
from typing import Final

from benchmarks import measuring, options
from benchmarks.http2.measuring import measure
from benchmarks.http2.servers import SERVERS, WORKLOADS

COMMAND: Final = options.Command(
    "benchmarks.http2", __doc__, SERVERS, WORKLOADS, ("h2load", "taskset"), seconds=2
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    return options.read_options(COMMAND, options.parser_of(COMMAND), arguments)


def main() -> None:
    """Measure, and say what came of it."""
    given = parse()
    servers, workloads = options.selected(COMMAND, given)
    options.prepare(servers)
    samples, failures = measuring.measure_all(
        workloads, servers, given.rounds, given.seconds, measure_one=measure
    )
    version = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=True).stdout
    options.conclude(given, samples, failures, servers, workloads, {"h2load": version.split()[-1]})


if __name__ == "__main__":
    main()
