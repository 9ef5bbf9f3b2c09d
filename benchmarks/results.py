"""Results with their machine and date: the JSON file of a run, and the source of the tables."""

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import installation
from benchmarks.figures import Figure, figures
from benchmarks.measuring import Samples
from benchmarks.servers import SERVERS, Server
from benchmarks.workloads import WORKLOADS

Results = dict[str, Any]

Runs = dict[str, Results]
"""Runs by minor version of Python, in order: each version is measured by itself."""

VERSIONS = (
    "import importlib.metadata, json, sys; "
    "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
)


def versions(server: Server) -> dict[str, str]:
    """Return the versions of a server's packages in its environment."""
    if server.ours:
        return {name: metadata.version(name) for name in server.distributions}
    done = subprocess.run(
        [str(installation.PYTHON), "-c", VERSIONS, *server.distributions], check=True, capture_output=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def cpu_model(cpuinfo: str) -> str:
    """Return the model name of the processor."""
    for line in cpuinfo.splitlines():
        field, _, value = line.partition(":")
        if field.strip() == "model name":
            return value.strip()
    return platform.machine()


def machine() -> dict[str, str]:
    """Return the facts on which the figures depend."""
    # wrk prints its version with its usage, and exits with an error status.
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return {
        "processor": cpu_model(Path("/proc/cpuinfo").read_text("utf-8")),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "wrk": " ".join(wrk.split()[:2]).removeprefix("wrk "),
    }


def make_results(
    samples: Samples,
    workloads: Mapping[str, Any],
    servers: Mapping[str, Server],
    base: str,
    rounds: int,
    seconds: int,
) -> Results:
    """Return all results of a run."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "base": base,
        "workloads": {name: workload.about for name, workload in workloads.items()},
        "servers": {
            name: {"about": server.about, "command": server.command, "versions": versions(server)}
            for name, server in servers.items()
        },
        "without": {
            name: {server: found.without[name] for server, found in servers.items() if name in found.without}
            for name in workloads
        },
        "samples": rounded(samples),
    }


def rounded(samples: Samples) -> Samples:
    """Return samples rounded to their significant digits."""
    return {
        workload: {
            server: [{name: float(f"{value:.5g}") for name, value in sample.items()} for sample in rounds]
            for server, rounds in servers.items()
        }
        for workload, servers in samples.items()
    }


def workload_figures(results: Results, workload: str) -> dict[str, dict[str, Figure]]:
    """Return the figures of all servers for one workload."""
    return {name: figures(rounds) for name, rounds in results["samples"][workload].items()}


def in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return names in the order of the known names."""
    wanted = set(names)
    return [name for name in known if name in wanted]


def merge(
    old: Results, new: Results, workloads: Iterable[str] = WORKLOADS, servers: Iterable[str] = SERVERS
) -> Results:
    """Merge the results of two runs; new measurements replace old ones.

    :param workloads: all known workloads, in order.
    :param servers: all known servers, in order.
    :raises ValueError: if the runs differ in machine or settings, so that they cannot be compared.
    """
    for name in ("machine", "rounds", "seconds", "base"):
        if old[name] != new[name]:
            raise ValueError(f"the results are of another {name}: {old[name]}, not {new[name]}")
    merged = dict(new)
    for name, known in (("workloads", workloads), ("servers", servers)):
        both = old[name] | new[name]
        merged[name] = {key: both[key] for key in in_order(both, known)}
    for name in ("without", "samples"):
        merged[name] = {
            workload: old[name].get(workload, {}) | new[name].get(workload, {})
            for workload in merged["workloads"]
        }
    return merged


def python(results: Results) -> str:
    """Return the minor version of Python of a run."""
    number: str = results["machine"]["python"].split()[-1]
    return ".".join(number.split(".")[:2])


def added(runs: Runs, new: Results) -> Runs:
    """Return the runs with one more, whose measurements replace those of the same Python.

    :raises ValueError: if it cannot be merged with the run of the same Python: see :func:`merge`.
    """
    version = python(new)
    both = {**runs, version: merge(runs[version], new) if version in runs else new}
    return dict(sorted(both.items(), key=lambda run: [int(part) for part in run[0].split(".")]))


def read(path: Path) -> Runs:
    """Return the runs in a file."""
    found: Runs = json.loads(path.read_text("utf-8"))
    return found


def write(path: Path, runs: Runs) -> None:
    """Write runs, one sample on each line."""
    text = json.dumps(runs, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
