"""h2load: what it is told, and what it tells."""

import re
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.http2.servers import Workload
from benchmarks.load import LoadError
from benchmarks.running import CLIENT_CORE, HOST

FINISHED: Final = re.compile(r"(?m)^finished in ([\d.]+)(us|ms|s), ")
SUCCEEDED: Final = re.compile(r"(?m)^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, ")
STATUSES: Final = re.compile(r"(?m)^status codes: (\d+) 2xx, ")
TRAFFIC: Final = re.compile(r"(?m)^traffic: .*\((\d+)\) data$")

UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Load(NamedTuple):
    """What came of one run of h2load."""

    requests: int
    seconds: float
    p50: float
    """Milliseconds within which half of the answers came."""
    p99: float
    """Milliseconds within which all but a hundredth of the answers came."""


def options(workload: Workload, folder: Path) -> list[str]:
    """Return what h2load is told; the body that it posts is written into a folder."""
    found = [f"-n{workload.requests}", f"-c{workload.connections}", f"-m{workload.streams}", "-t1"]
    found += [f"--log-file={folder / 'log'}"]
    for name, value in workload.headers.items():
        found += ["-H", f"{name}: {value}"]
    if workload.body:
        (folder / "body").write_bytes(workload.body)
        found += ["-d", str(folder / "body")]
    return found


def read_output(output: str, workload: Workload) -> float:
    """Return how many seconds h2load printed.

    :raises LoadError: if an answer was missing, no 2xx, or of another size than it must have.
    """
    finished, succeeded = FINISHED.search(output), SUCCEEDED.search(output)
    statuses, traffic = STATUSES.search(output), TRAFFIC.search(output)
    if not (finished and succeeded and statuses and traffic):
        raise LoadError(f"h2load printed no result:\n{output}")
    wanted = workload.requests
    if {int(succeeded[1]), int(succeeded[2]), int(statuses[1])} != {wanted}:
        raise LoadError(f"not every request was answered with 2xx:\n{output}")
    if int(traffic[1]) != wanted * len(workload.answer):
        raise LoadError(f"answers were not of {len(workload.answer)} bytes:\n{output}")
    return float(finished[1]) * UNITS[finished[2]]


def read_log(log: str) -> tuple[float, float]:
    """Return the milliseconds within which half of the answers came, and 99 of 100.

    :param log: a line a request: when it began, its status, how many microseconds it took.
    """
    took = [int(line.split("\t")[2]) / 1000 for line in log.splitlines()]
    hundredths = statistics.quantiles(took, n=100)
    return hundredths[49], hundredths[98]


def run(workload: Workload, port: int) -> Load:
    """Load a server from the clients' core.

    :raises LoadError: if not every request was answered as it must be.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["taskset", "-c", str(CLIENT_CORE), "h2load", *options(workload, folder)]
        done = subprocess.run(
            [*command, f"http://{HOST}:{port}{workload.path}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LoadError(f"h2load ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        seconds = read_output(done.stdout, workload)
        return Load(workload.requests, seconds, *read_log((folder / "log").read_text("utf-8")))
