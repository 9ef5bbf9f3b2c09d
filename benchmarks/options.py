"""Options and results of all commands that compare servers."""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import installation, report, results
from benchmarks.measuring import Samples
from benchmarks.running import keep_to_client_core, raise_file_limit
from benchmarks.servers import Server

OPEN_FILES: Final = 16_000
"""Open files for the largest number of connections of a workload, on either side, with a reserve."""


class Command(NamedTuple):
    """A command, with the servers and workloads that it can measure."""

    name: str
    """The module name after ``python -m``."""
    about: str | None
    """The docstring of its module, for ``--help``."""
    servers: Mapping[str, Server]
    workloads: Mapping[str, Any]
    tools: tuple[str, ...] = ("taskset",)
    """Programs that must be installed."""
    seconds: int = 3
    """Seconds of load in each round, by default."""
    rounds: int = 5


def chosen(given: str | None, known: Mapping[str, object], what: str) -> list[str]:
    """Return the names in a comma-separated list, in the order of the known names.

    :raises ValueError: if a name is unknown.
    """
    names = list(known) if given is None else given.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no {what} is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if name in names]


def make_parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return a parser whose ``--help`` shows the docstring of a module unchanged."""
    return argparse.ArgumentParser(
        prog=f"python -m {name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_choice(parser: argparse.ArgumentParser, flag: str, known: Mapping[str, object]) -> None:
    """Add an option that takes a comma-separated list of known names."""
    parser.add_argument(flag, help=f"with commas, of: {', '.join(known)}")


def parser_of(command: Command) -> argparse.ArgumentParser:
    """Return a parser of the common options."""
    parser = make_parser(command.name, command.about)
    add_choice(parser, "--servers", command.servers)
    add_choice(parser, "--workloads", command.workloads)
    parser.add_argument("--rounds", type=int, default=command.rounds)
    about = f"of load in each round, at least ({command.seconds})"
    parser.add_argument("--seconds", type=int, default=command.seconds, help=about)
    parser.add_argument("--json", type=Path, help="write all samples into this file")
    return parser


def check_choice(
    parser: argparse.ArgumentParser, given: str | None, known: Mapping[str, object], what: str
) -> list[str]:
    """Return the given names, or end the process with an error for an unknown one."""
    try:
        return chosen(given, known, what)
    except ValueError as error:
        parser.error(str(error))


def read_options(
    command: Command, parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Return the options, with servers and workloads as lists of known names.

    The process ends if a name is unknown or a tool is not installed.
    """
    options = parser.parse_args(arguments)
    options.servers = check_choice(parser, options.servers, command.servers, "server")
    options.workloads = check_choice(parser, options.workloads, command.workloads, "workload")
    for tool in command.tools:
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    return options


def selected(command: Command, options: argparse.Namespace) -> tuple[dict[str, Server], dict[str, Any]]:
    """Return the selected servers and workloads."""
    return (
        {name: command.servers[name] for name in options.servers},
        {name: command.workloads[name] for name in options.workloads},
    )


def prepare(servers: Mapping[str, Server]) -> None:
    """Install the peers if one of them is measured, and pin this process to the clients' core."""
    if not all(server.ours for server in servers.values()):
        installation.make_peers()
    raise_file_limit(OPEN_FILES)
    keep_to_client_core()


def conclude(
    options: argparse.Namespace,
    samples: Samples,
    failures: Sequence[str],
    servers: Mapping[str, Server],
    workloads: Mapping[str, Any],
    machine: Mapping[str, str] | None = None,
) -> None:
    """Write the results into the file in the options, and print them with Kyoukai as the base.

    :param machine: further facts on which the figures depend.
    :raises SystemExit: if a measurement failed.
    """
    found = results.make_results(samples, workloads, servers, "kyoukai", options.rounds, options.seconds)
    found["machine"] |= machine or {}
    if options.json:
        results.write(options.json, {results.python(found): found})
    report.show(found, failures)
