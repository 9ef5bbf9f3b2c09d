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
from benchmarks.results import read, workload_figures  # noqa: E402
from benchmarks.workloads import WORKLOADS  # noqa: E402

Rows = tuple[Iterable[str], Iterable[Iterable[object]]]

RESULTS: Final = read(ROOT / "docs" / "performance" / "results.json")

SMALL: Final = ("hello", "browser", "json", "params", "post", "pipelined", "close", "tls")
LARGE: Final = ("upload", "download", "stream", "file")

FEWEST: Final = 5
"""Rounds without which medians are none."""


def run() -> Rows:
    """Return when, where and how the servers were measured."""
    rows = [("date", RESULTS["date"]), *RESULTS["machine"].items()]
    few = "" if RESULTS["rounds"] >= FEWEST else "; fewer than 5: a trial run, whose ratios say little"
    rows.append(("rounds", f"{RESULTS['rounds']}, of {RESULTS['seconds']} s each{few}"))
    return ("", ""), rows


def workloads() -> Rows:
    """Return each workload, and its connections."""
    rows = [
        (f"`{name}`", about, f"{WORKLOADS[name].connections:,}" if WORKLOADS[name].kind != "start" else 1)
        for name, about in RESULTS["workloads"].items()
        if not WORKLOADS[name].servers
    ]
    return ("workload", "what is asked", "connections"), rows


def servers() -> Rows:
    """Return each server with its versions, and how it was run."""
    rows = [
        (
            f"`{name}`",
            server["about"],
            ", ".join(f"{package} {version}" for package, version in server["versions"].items()),
            f"`python {server['command'].replace('{port}', 'PORT')}`",
        )
        for name, server in RESULTS["servers"].items()
    ]
    return ("server", "is", "versions", "run as"), rows


def ratio_table(names: Iterable[str]) -> Rows:
    """Return what each server costs for some workloads, as a multiple of what ours does."""
    shown = [name for name in names if RESULTS["samples"].get(name)]
    found = {name: ratios(RESULTS["samples"][name], RESULTS["base"]) for name in shown}
    rows = [
        [f"`{server}`", *(f"{found[name][server]:.2f}" if server in found[name] else "-" for name in shown)]
        for server in RESULTS["servers"]
    ]
    return ("server", *(f"`{name}`" for name in shown)), rows


def figure_table(workload: str) -> Rows:
    """Return all figures of one workload."""
    found: dict[str, Any] = workload_figures(RESULTS, workload)
    first = next(iter(found.values()))
    compared = key(first)
    measures = [name for name in MEASURES if name in first]
    rows = []
    for server, figures in found.items():
        row = [f"`{server}`"]
        for name in measures:
            spread = f" ±{figures[name].spread:.0%}" if name == compared and RESULTS["rounds"] > 1 else ""
            row.append(f"{figures[name].median:,.{MEASURES[name].decimals}f}{spread}")
        rows.append(row)
    return ("server", *(MEASURES[name].title for name in measures)), rows


def measures() -> Rows:
    """Return what the columns mean."""
    return ("column", "is"), [(measure.title, measure.about) for measure in MEASURES.values()]


def growth() -> Rows:
    """Return how the cost of ours grows with routes and connections."""
    rows = []
    for name in WORKLOADS:
        if WORKLOADS[name].servers and RESULTS["samples"].get(name):
            cost = workload_figures(RESULTS, name)[RESULTS["base"]]["cpu"].median
            rows.append((WORKLOADS[name].about, f"{cost:.1f}"))
    return ("asked for", MEASURES["cpu"].title), rows


def instructions() -> Rows:
    """Return what the guard holds: instructions a request, for each version of Python."""
    entries = baseline.read()
    names = next(iter(entries.values()))["instructions"]
    rows = [[name, *(f"{entry['instructions'][name]:,}" for entry in entries.values())] for name in names]
    return ("a request of", *(f"Python {version}" for version in entries)), rows


TABLES: Final = {
    "performance-growth": growth,
    "performance-instructions": instructions,
    "performance-large": partial(ratio_table, LARGE),
    "performance-measures": measures,
    "performance-run": run,
    "performance-servers": servers,
    "performance-small": partial(ratio_table, SMALL),
    "performance-workloads": workloads,
    **{f"performance-{name}": partial(figure_table, name) for name in ("hello", "idle", "start", *LARGE)},
}
