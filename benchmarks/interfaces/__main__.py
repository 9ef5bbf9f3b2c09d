"""``python -m benchmarks.interfaces``: applications of other interfaces, hosted by Kyoukai and by others.

Each application, a bare ASGI callable, Starlette, FastAPI and Flask, is the same file wherever it runs.
``exported`` is Kyoukai's own application on its own wire, and by ``app.asgi`` on others. Servers take turns,
and the medians of the rounds are compared, as ``python -m benchmarks`` does for frameworks. CPU time is that
of the server's processes, user and system. It needs Linux, two cores, wrk and taskset. The peers are those of
``python -m benchmarks setup``; Kyoukai is installed beside them.
"""

import argparse
import sys
from typing import Final

from benchmarks import installation, options, report, results
from benchmarks.interfaces.measuring import Fleet
from benchmarks.interfaces.servers import APPLICATIONS, SERVERS, WORKLOADS
from benchmarks.measuring import measure_all

COMMAND: Final = options.Command(
    "benchmarks.interfaces", __doc__, SERVERS, WORKLOADS, ("wrk", "taskset"), seconds=1
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options; those that name something are checked."""
    parser = options.parser_of(COMMAND)
    options.add_choice(parser, "--applications", APPLICATIONS)
    parser.add_argument("--merge", action="store_true", help="keep what else that file has")
    given = options.read_options(COMMAND, parser, arguments)
    given.applications = options.check_choice(parser, given.applications, APPLICATIONS, "application")
    return given


def measure(application: str, given: argparse.Namespace) -> tuple[results.Results, list[str]]:
    """Return the results of all that host an application, and what could not be measured."""
    hosting = APPLICATIONS[application]
    servers = {name: hosting[name] for name in given.servers if name in hosting}
    _, workloads = options.selected(COMMAND, given)
    with Fleet() as fleet:
        samples, failures = measure_all(
            workloads, servers, given.rounds, given.seconds, measure_one=fleet.measure
        )
    found = results.make_results(samples, workloads, servers, "kyoukai", given.rounds, given.seconds)
    return found, [f"{application}: {failure}" for failure in failures]


def main() -> None:
    """Measure, and say what came of it."""
    given = parse()
    options.prepare({name: SERVERS[name] for name in given.servers})
    installation.install_ours()
    runs = results.read(given.json) if given.json and given.merge and given.json.exists() else {}
    failed = []
    for application in given.applications:
        found, failures = measure(application, given)
        old = runs.get(application)
        runs[application] = results.merge(old, found, WORKLOADS, SERVERS) if old else found
        runs = {name: runs[name] for name in results.in_order(runs, APPLICATIONS)}
        if given.json:
            results.write(given.json, runs)
        failed += failures
        print(f"\n== {application}")
        for line in report.lines(runs[application]):
            print(line)
    if failed:
        sys.exit("\n".join(["", "not measured:", *failed]))


if __name__ == "__main__":
    main()
