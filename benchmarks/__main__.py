"""``python -m benchmarks``: our servers and their peers under load, side by side in one run.

The server has one core and wrk the other. Servers take turns, so that a machine's mood falls on all of
them alike, and the medians of the rounds are compared. CPU time, user and system, is that of the
server's processes; its ratio to the base is the figure to keep. It needs Linux, two cores, wrk and
taskset. The peers are installed, into an environment of their own, by the first run that has one, or
by ``python -m benchmarks setup``.
"""

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks import installation, plot, report, results
from benchmarks.measuring import measure_all
from benchmarks.running import keep_to_client_core, raise_file_limit
from benchmarks.servers import SERVERS
from benchmarks.workloads import WORKLOADS

OPEN_FILES = 16_000
"""What the most connections of a workload need, on either side, and some more."""


def chosen(given: str | None, known: Mapping[str, object], what: str) -> list[str]:
    """Return the names that a list, with commas, has: in the order in which they are known.

    :raises ValueError: if there is one that nobody knows.
    """
    names = list(known) if given is None else given.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no {what} is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=("run", "setup"), default="run")
    parser.add_argument("--servers", help=f"with commas, of: {', '.join(SERVERS)}")
    parser.add_argument("--workloads", help=f"with commas, of: {', '.join(WORKLOADS)}")
    parser.add_argument("--base", default="kyoukai", help="what ratios are to (kyoukai)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load in each round (3)")
    parser.add_argument("--json", type=Path, help="write all samples into this file")
    parser.add_argument(
        "--merge", action="store_true", help="keep what else that file has, of other Pythons too"
    )
    parser.add_argument("--svg", type=Path, help="draw the ratios into this file")
    options = parser.parse_args(arguments)
    try:
        options.servers = chosen(options.servers, SERVERS, "server")
        options.workloads = chosen(options.workloads, WORKLOADS, "workload")
        chosen(options.base, SERVERS, "server")
    except ValueError as error:
        parser.error(str(error))
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    return options


def prepare(servers: list[str], workloads: list[str]) -> None:
    """Make what is needed, and keep to a core."""
    installation.make_file()
    if any(WORKLOADS[name].tls for name in workloads):
        installation.make_certificate()
    if not all(SERVERS[name].ours for name in servers):
        installation.make_peers()
    raise_file_limit(OPEN_FILES)
    keep_to_client_core()


def main() -> None:
    """Measure, and say what came of it."""
    options = parse()
    prepare(options.servers, options.workloads)
    if options.command == "setup":
        return
    servers = {name: SERVERS[name] for name in options.servers}
    workloads = {name: WORKLOADS[name] for name in options.workloads}
    samples, failures = measure_all(workloads, servers, options.rounds, options.seconds)
    found = results.make_results(samples, workloads, servers, options.base, options.rounds, options.seconds)
    if options.json:
        runs = results.read(options.json) if options.merge and options.json.exists() else {}
        runs = results.added(runs, found)
        results.write(options.json, runs)
        found = runs[results.python(found)]
    if options.svg:
        plot.draw(found, options.svg)
    report.show(found, failures)


if __name__ == "__main__":
    main()
