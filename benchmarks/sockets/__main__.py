"""``python -m benchmarks.sockets``: what WebSockets cost, ours beside others', in one run.

The server has one core and its clients the other. Servers take turns, and the medians of the rounds are
compared, as ``python -m benchmarks`` does for requests. CPU time is that of the server's processes, user and
system. It needs Linux, two cores and taskset. The peers are those of ``python -m benchmarks setup``.
"""

import argparse
from pathlib import Path

import uvloop

from benchmarks import installation, measuring, report, results
from benchmarks.__main__ import OPEN_FILES, chosen
from benchmarks.running import keep_to_client_core, raise_file_limit
from benchmarks.sockets.measuring import measure
from benchmarks.sockets.servers import SERVERS, WORKLOADS


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sockets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--servers", help=f"with commas, of: {', '.join(SERVERS)}")
    parser.add_argument("--workloads", help=f"with commas, of: {', '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each round (3)")
    parser.add_argument("--connections", type=int, help="idle ones (10,000)")
    parser.add_argument("--json", type=Path, help="write all samples into this file")
    options = parser.parse_args(arguments)
    try:
        options.servers = chosen(options.servers, SERVERS, "server")
        options.workloads = chosen(options.workloads, WORKLOADS, "workload")
    except ValueError as error:
        parser.error(str(error))
    return options


def main() -> None:
    """Measure, and say what came of it."""
    options = parse()
    servers = {name: SERVERS[name] for name in options.servers}
    workloads = {name: WORKLOADS[name] for name in options.workloads}
    if options.connections:
        workloads = {
            name: workload._replace(connections=options.connections)
            if workload.kind in ("idle", "drain")
            else workload
            for name, workload in workloads.items()
        }
    if not all(server.ours for server in servers.values()):
        installation.make_peers()
    raise_file_limit(OPEN_FILES)
    keep_to_client_core()
    uvloop.install()
    samples, failures = measuring.measure_all(
        workloads, servers, options.rounds, options.seconds, measure_one=measure
    )
    found = results.make_results(samples, workloads, servers, "kyoukai", options.rounds, options.seconds)
    if options.json:
        results.write(options.json, {results.python(found): found})
    report.show(found, failures)


if __name__ == "__main__":
    main()
