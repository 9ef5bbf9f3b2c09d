"""The tables of the page 'Performance', from what the last run of `python -m benchmarks` wrote down.

`docs/update.py` puts them into the page. Each function returns a header and rows.
"""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

# It is of no distribution, and this folder is where `python docs/update.py` looks.
sys.path.insert(0, str(ROOT))

from benchmarks.figures import MEASURES, key, ratios  # noqa: E402
from benchmarks.guard import baseline  # noqa: E402
from benchmarks.http2 import servers as http2_servers  # noqa: E402
from benchmarks.results import in_order, read, workload_figures  # noqa: E402
from benchmarks.servers import SERVERS  # noqa: E402
from benchmarks.sockets import servers as sockets  # noqa: E402
from benchmarks.workloads import WORKLOADS  # noqa: E402

Rows = tuple[Iterable[str], Iterable[Iterable[object]]]

RUNS: Final = read(ROOT / "docs" / "performance" / "results.json")

SMALL: Final = ("hello", "browser", "json", "params", "post", "pipelined", "close", "tls")
LARGE: Final = ("upload", "download", "stream", "file")

FEWEST: Final = 5
"""Rounds without which medians are none."""


def run() -> Rows:
    """Return when, where and how the servers were measured, on each Python."""
    rows = [["date", *(run["date"] for run in RUNS.values())]]
    names = dict.fromkeys(name for run in RUNS.values() for name in run["machine"])
    rows += [[name, *(run["machine"].get(name, "-") for run in RUNS.values())] for name in names]
    rows.append(["rounds", *map(rounds, RUNS.values())])
    return ("", *(f"Python {version}" for version in RUNS)), rows


def rounds(run: dict[str, Any]) -> str:
    """Return how many rounds a run had."""
    few = "" if run["rounds"] >= FEWEST else "; fewer than 5: a trial run, whose ratios say little"
    return f"{run['rounds']}, of {run['seconds']} s each{few}"


def workloads() -> Rows:
    """Return each workload, and its connections."""
    about = {name: text for run in RUNS.values() for name, text in run["workloads"].items()}
    rows = [
        (
            f"`{name}`",
            about[name],
            f"{WORKLOADS[name].connections:,}" if WORKLOADS[name].kind != "start" else 1,
        )
        for name in in_order(about, WORKLOADS)
        if not WORKLOADS[name].servers
    ]
    return ("workload", "what is asked", "connections"), rows


def servers() -> Rows:
    """Return each server with its versions, and how it was run."""
    # Later runs have the later versions; all are of one list of what is installed.
    found = {name: server for run in RUNS.values() for name, server in run["servers"].items()}
    rows = [
        (
            f"`{name}`",
            found[name]["about"],
            ", ".join(f"{package} {version}" for package, version in found[name]["versions"].items()),
            f"`python {found[name]['command'].replace('{port}', 'PORT')}`",
        )
        for name in in_order(found, SERVERS)
    ]
    return ("server", "is", "versions", "run as"), rows


def ratio_table(names: Iterable[str]) -> Rows:
    """Return what each server costs for some workloads, as a multiple of what ours does on that Python."""
    shown = [name for name in names if any(run["samples"].get(name) for run in RUNS.values())]
    rows = []
    for server in SERVERS:
        for version, run in RUNS.items():
            found = [ratios(run["samples"].get(name, {}), run["base"]).get(server) for name in shown]
            cells = ["-" if ratio is None else f"{ratio:.2f}" for ratio in found]
            if {*cells} != {"-"}:
                rows.append([f"`{server}`", version, *cells])
    return ("server", "Python", *(f"`{name}`" for name in shown)), rows


def figure_table(workload: str) -> Rows:
    """Return all figures of one workload."""
    found: dict[str, dict[str, Any]] = {
        version: workload_figures(run, workload) if run["samples"].get(workload) else {}
        for version, run in RUNS.items()
    }
    first = next(figures for servers in found.values() for figures in servers.values())
    compared = key(first)
    measures = [name for name in MEASURES if name in first]
    rows = []
    for server in SERVERS:
        for version, servers in found.items():
            if server not in servers:
                continue
            figures = servers[server]
            row = [f"`{server}`", version]
            for name in measures:
                is_spread = name == compared and RUNS[version]["rounds"] > 1
                spread = f" ±{figures[name].spread:.0%}" if is_spread else ""
                row.append(f"{figures[name].median:,.{MEASURES[name].decimals}f}{spread}")
            rows.append(row)
    return ("server", "Python", *(MEASURES[name].title for name in measures)), rows


def measures() -> Rows:
    """Return what the columns mean."""
    found = {
        name
        for run in RUNS.values()
        for some in run["samples"].values()
        for one in some.values()
        for name in one[0]
    }
    return ("column", "is"), [(one.title, one.about) for name, one in MEASURES.items() if name in found]


def growth() -> Rows:
    """Return how the cost of ours grows with routes and connections."""
    rows = []
    names = [name for name, workload in WORKLOADS.items() if workload.servers]
    runs = {version: run for version, run in RUNS.items() if any(run["samples"].get(name) for name in names)}
    for name in names:
        costs = [
            f"{workload_figures(run, name)[run['base']]['cpu'].median:.1f}"
            if run["samples"].get(name)
            else "-"
            for run in runs.values()
        ]
        if {*costs} - {"-"}:
            rows.append((WORKLOADS[name].about, *costs))
    return ("asked for", *(f"{MEASURES['cpu'].title}, Python {version}" for version in runs)), rows


def instructions() -> Rows:
    """Return what the guard holds: instructions a request, for each version of Python."""
    entries = baseline.read()
    names = next(iter(entries.values()))["instructions"]
    # One that is new may have been counted under one version only.
    counts = [[entry["instructions"].get(name) for entry in entries.values()] for name in names]
    rows = [
        [name, *("-" if count is None else f"{count:,}" for count in some)]
        for name, some in zip(names, counts, strict=True)
    ]
    return ("a request of", *(f"Python {version}" for version in entries)), rows


SOCKETS: Final = read(ROOT / "docs" / "performance" / "sockets.json")


def sockets_run() -> Rows:
    """Return when, where and how WebSockets were measured."""
    [run] = SOCKETS.values()
    names = ("processor", "cores", "kernel", "python")
    rows = [["date", run["date"]], *([name, run["machine"][name]] for name in names)]
    packages = dict(pair for server in run["servers"].values() for pair in server["versions"].items())
    times = {name: len(run["samples"][name][run["base"]]) for name in ("echo-64", "idle")}
    rows += [["rounds", f"{times['echo-64']} of {run['seconds']} s each for CPU, {times['idle']} for memory"]]
    rows += [["versions", ", ".join(f"{name} {version}" for name, version in packages.items())]]
    return ("", ""), rows


def sockets_table() -> Rows:
    """Return what each server costs, as a multiple of what ours does, and memory."""
    [run] = SOCKETS.values()
    loads = [name for name, workload in sockets.WORKLOADS.items() if workload.kind in ("echo", "broadcast")]
    idle = [name for name, workload in sockets.WORKLOADS.items() if workload.kind == "idle"]
    found = {name: ratios(run["samples"][name], run["base"]) for name in loads}
    memory = {name: workload_figures(run, name) for name in idle}
    rows = []
    for server in in_order(run["servers"], sockets.SERVERS):
        row = [f"`{server}`", run["servers"][server]["about"]]
        row += [f"{found[name][server]:.2f}" for name in loads]
        row += [
            f"{memory[name][server]['kib'].median:.1f}" if server in memory[name] else "-" for name in idle
        ]
        rows.append(row)
    columns = [*(f"`{name}`" for name in loads), *(f"`{name}`, KiB" for name in idle)]
    return ("server", "is", *columns), rows


def http2() -> dict[str, Any]:
    """Return the run of HTTP/2."""
    [run] = read(ROOT / "docs" / "performance" / "http2.json").values()
    return run


def http2_run() -> Rows:
    """Return when, where and how HTTP/2 was measured."""
    run = http2()
    names = ("processor", "cores", "kernel", "python", "h2load")
    rows = [["date", run["date"]], *([name, run["machine"][name]] for name in names)]
    packages = dict(pair for server in run["servers"].values() for pair in server["versions"].items())
    rows += [["rounds", str(run["rounds"])]]
    rows += [["versions", ", ".join(f"{name} {version}" for name, version in packages.items())]]
    return ("", ""), rows


def http2_table() -> Rows:
    """Return what each server costs by HTTP/2: CPU time a request, and as a multiple of what ours does."""
    run = http2()
    rows = []
    for name, about in run["workloads"].items():
        found, costs = ratios(run["samples"][name], run["base"]), workload_figures(run, name)
        cells = [
            f"{costs[server]['cpu'].median:,.1f}"
            + (f" ±{costs[server]['cpu'].spread:.0%}" if server == run["base"] else f" ({found[server]:.2f})")
            for server in in_order(run["servers"], http2_servers.SERVERS)
        ]
        rows.append((f"`{name}`", about, *cells))
    return ("workload", "what is asked", *(f"`{name}`" for name in run["servers"])), rows


def http2_servers_table() -> Rows:
    """Return each server of HTTP/2, and how it was run."""
    found = http2()["servers"]
    rows = [
        (f"`{name}`", server["about"], f"`python {server['command'].replace('{port}', 'PORT')}`")
        for name, server in found.items()
    ]
    return ("server", "is", "run as"), rows


INTERFACES: Final = read(ROOT / "docs" / "performance" / "interfaces.json")
"""The runs of applications of other interfaces, by application."""


def interfaces_run() -> Rows:
    """Return when, where and how applications of other interfaces were measured."""
    first = next(iter(INTERFACES.values()))
    names = ("processor", "cores", "kernel", "python", "wrk")
    servers = [server for run in INTERFACES.values() for server in run["servers"].values()]
    rows = [["date", first["date"]], *([name, first["machine"][name]] for name in names)]
    packages = dict(pair for server in servers for pair in server["versions"].items())
    rows.append(["rounds", f"{first['rounds']}, of {first['seconds']} s each"])
    return ("", ""), [*rows, ["versions", ", ".join(f"{name} {number}" for name, number in packages.items())]]


def interfaces_table(application: str) -> Rows:
    """Return what each server costs that hosts an application: CPU time a request, and its ratio to ours."""
    run = INTERFACES[application]
    rows = []
    for name in run["workloads"]:
        found, costs = ratios(run["samples"][name], run["base"]), workload_figures(run, name)
        cells = []
        for server in run["servers"]:
            cost = costs.get(server, {}).get("cpu")
            ratio = (
                f"±{cost.spread:.0%}" if cost and server == run["base"] else f"({found.get(server, 0):.2f})"
            )
            cells.append(f"{cost.median:,.1f} {ratio}" if cost else "-")
        rows.append((f"`{name}`", *cells))
    return ("workload", *(f"`{name}`" for name in run["servers"])), rows


def interfaces_servers() -> Rows:
    """Return how each server was run with a bare ASGI callable, and with Flask."""
    rows = [
        (f"`{name}`", server["about"], f"`python {server['command'].replace('{port}', 'PORT')}`")
        for application in ("asgi", "flask")
        for name, server in INTERFACES[application]["servers"].items()
    ]
    return ("server", "is", "run as"), rows


TABLES: Final = {
    **{f"interfaces-{name}": partial(interfaces_table, name) for name in INTERFACES},
    "interfaces-run": interfaces_run,
    "interfaces-servers": interfaces_servers,
    "http2-costs": http2_table,
    "http2-run": http2_run,
    "http2-servers": http2_servers_table,
    "sockets-costs": sockets_table,
    "sockets-run": sockets_run,
    "performance-growth": growth,
    "performance-instructions": instructions,
    "performance-large": partial(ratio_table, LARGE),
    "performance-measures": measures,
    "performance-run": run,
    "performance-servers": servers,
    "performance-small": partial(ratio_table, SMALL),
    "performance-workloads": workloads,
    **{
        f"performance-{name}": partial(figure_table, name)
        for name in ("hello", "post", "idle", "start", *LARGE)
    },
}
