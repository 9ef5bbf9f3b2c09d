"""What was measured, with where and when: the JSON that a run leaves, and what tables are made of."""

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
"""By minor version of Python, in order: servers are measured on each by itself."""

VERSIONS = (
    "import importlib.metadata, json, sys; "
    "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
)


def versions(server: Server) -> dict[str, str]:
    """Return the versions of what a server is made of, in its environment."""
    if server.ours:
        return {name: metadata.version(name) for name in server.distributions}
    done = subprocess.run(
        [str(installation.PYTHON), "-c", VERSIONS, *server.distributions], check=True, capture_output=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def cpu_model(cpuinfo: str) -> str:
    """Return what the processor calls itself."""
    for line in cpuinfo.splitlines():
        field, _, value = line.partition(":")
        if field.strip() == "model name":
            return value.strip()
    return platform.machine()


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    # It prints its version and its usage, and ends as if that were an error.
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
    """Return all that a run found out."""
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
    """Return samples with as many digits as mean something."""
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
    """Return names in the order in which they are known."""
    wanted = set(names)
    return [name for name in known if name in wanted]


def merge(
    old: Results, new: Results, workloads: Iterable[str] = WORKLOADS, servers: Iterable[str] = SERVERS
) -> Results:
    """Return the results of two runs: what the new one measured is taken from it.

    :param workloads: all that there are, in order.
    :param servers: likewise.
    :raises ValueError: if they are of two machines, or were not run alike: they cannot be compared.
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
    """Return the minor version of Python that a run was made with."""
    number: str = results["machine"]["python"].split()[-1]
    return ".".join(number.split(".")[:2])


def added(runs: Runs, new: Results) -> Runs:
    """Return runs with one more: what it measured anew of the same Python is taken from it.

    :raises ValueError: as :func:`merge` does, for those of the same Python.
    """
    version = python(new)
    both = {**runs, version: merge(runs[version], new) if version in runs else new}
    return dict(sorted(both.items(), key=lambda run: [int(part) for part in run[0].split(".")]))


def read(path: Path) -> Runs:
    """Return the runs in a file."""
    found: Runs = json.loads(path.read_text("utf-8"))
    return found


def write(path: Path, runs: Runs) -> None:
    """Write runs, one sample a line."""
    text = json.dumps(runs, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
