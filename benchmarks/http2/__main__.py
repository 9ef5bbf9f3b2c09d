"""``python -m benchmarks.http2``: what HTTP/2 costs, ours beside others', in one run.

The server has one core and h2load the other. Servers take turns, and the medians of the rounds are
compared, as ``python -m benchmarks`` does for HTTP/1.1. CPU time is that of the server's processes, user and
system. It needs Linux, two cores, taskset and h2load. The peers are those of ``python -m benchmarks setup``.
"""

import argparse
import shutil
import subprocess
from pathlib import Path

from benchmarks import installation, measuring, report, results
from benchmarks.__main__ import OPEN_FILES, chosen
from benchmarks.http2.measuring import measure
from benchmarks.http2.servers import SERVERS, WORKLOADS
from benchmarks.running import keep_to_client_core, raise_file_limit


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.http2",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--servers", help=f"with commas, of: {', '.join(SERVERS)}")
    parser.add_argument("--workloads", help=f"with commas, of: {', '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of load in each round, at least (2)")
    parser.add_argument("--json", type=Path, help="write all samples into this file")
    options = parser.parse_args(arguments)
    try:
        options.servers = chosen(options.servers, SERVERS, "server")
        options.workloads = chosen(options.workloads, WORKLOADS, "workload")
    except ValueError as error:
        parser.error(str(error))
    for tool in ("h2load", "taskset"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    return options


def main() -> None:
    """Measure, and say what came of it."""
    options = parse()
    servers = {name: SERVERS[name] for name in options.servers}
    workloads = {name: WORKLOADS[name] for name in options.workloads}
    if not all(server.ours for server in servers.values()):
        installation.make_peers()
    raise_file_limit(OPEN_FILES)
    keep_to_client_core()
    samples, failures = measuring.measure_all(
        workloads, servers, options.rounds, options.seconds, measure_one=measure
    )
    found = results.make_results(samples, workloads, servers, "kyoukai", options.rounds, options.seconds)
    version = subprocess.run(["h2load", "--version"], capture_output=True, text=True, check=True).stdout
    found["machine"]["h2load"] = version.split()[-1]
    if options.json:
        results.write(options.json, {results.python(found): found})
    report.show(found, failures)


if __name__ == "__main__":
    main()
