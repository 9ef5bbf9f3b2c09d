"""``python -m benchmarks``: load Kyoukai and its peers side by side in one run.

The server has one core and wrk the other. Servers take turns, so that changes in the machine's speed affect
all of them alike, and the medians of the rounds are compared. CPU time, user and system, is that of the
server's processes; its ratio to the base is the figure to keep. It needs Linux, two cores, wrk and taskset.
The first run that measures a peer installs the peers into an environment of their own;
``python -m benchmarks setup`` does so too.
"""

import argparse
from pathlib import Path
from typing import Final

from benchmarks import installation, options, plot, report, results
from benchmarks.measuring import measure_all
from benchmarks.servers import SERVERS
from benchmarks.workloads import WORKLOADS

COMMAND: Final = options.Command("benchmarks", __doc__, SERVERS, WORKLOADS, ("wrk", "taskset"))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options, with all names checked."""
    parser = options.parser_of(COMMAND)
    parser.add_argument("command", nargs="?", choices=("run", "setup"), default="run")
    parser.add_argument("--base", default="kyoukai", help="what ratios are to (kyoukai)")
    parser.add_argument(
        "--merge", action="store_true", help="keep what else that file has, of other Pythons too"
    )
    parser.add_argument("--svg", type=Path, help="draw the ratios into this file")
    given = options.read_options(COMMAND, parser, arguments)
    options.check_choice(parser, given.base, SERVERS, "server")
    return given


def main() -> None:
    """Measure, and print the results."""
    given = parse()
    servers, workloads = options.selected(COMMAND, given)
    installation.make_file()
    if any(workload.tls for workload in workloads.values()):
        installation.make_certificate()
    options.prepare(servers)
    if given.command == "setup":
        return
    samples, failures = measure_all(workloads, servers, given.rounds, given.seconds)
    found = results.make_results(samples, workloads, servers, given.base, given.rounds, given.seconds)
    if given.json:
        runs = results.read(given.json) if given.merge and given.json.exists() else {}
        runs = results.added(runs, found)
        results.write(given.json, runs)
        found = runs[results.python(found)]
    if given.svg:
        plot.draw(found, given.svg)
    report.show(found, failures)


if __name__ == "__main__":
    main()
