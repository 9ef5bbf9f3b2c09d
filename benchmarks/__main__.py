"""``python -m benchmarks``: CPU time per request for GET /, ours beside a peer's, in one run.

The server has one core and wrk the other. Servers take turns, so that a machine's mood falls on
all of them alike, and the medians of the rounds are compared. CPU time, user and system, is that of
the server's process; the ratio to the first server is the figure to keep. It needs Linux, two
cores, wrk (from your distribution) and uvicorn.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

HOST = "127.0.0.1"
CONNECTIONS = 32

# Each as its users run it for speed: uvloop, no access log.
UVICORN = "uvicorn benchmarks.apps:asgi --loop uvloop --no-access-log --log-level warning"
KYOUKAI = "kyoukai run benchmarks.apps:kyoukai --loop uvloop --no-access-log --log-level warning"
SERVERS = {
    "uvicorn, bare, httptools": f"{UVICORN} --http httptools",
    "uvicorn, bare, h11": f"{UVICORN} --http h11",
    "kyoukai, httptools": f"{KYOUKAI} --backend httptools",
    "kyoukai, reference": f"{KYOUKAI} --backend reference",
}


class Sample(NamedTuple):
    """One server's round."""

    microseconds: float
    """CPU time per request."""
    rate: float
    """Requests a second."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, user and system."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(command: str) -> Iterator[tuple[int, int]]:
    """Run a server on the first core; give its process id and its port."""
    port = free_port()
    arguments = ["taskset", "-c", "0", sys.executable, "-m", *command.split(), "--port", str(port)]
    process = subprocess.Popen(arguments)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
                break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"this did not start: {command}")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def load(port: int, seconds: float) -> int:
    """Load the server from the second core, and return how many requests it answered."""
    arguments = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://{HOST}:{port}/"]
    run = subprocess.run(
        ["taskset", "-c", "1", "wrk", *arguments], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise RuntimeError(f"not every request was answered:\n{run.stdout}")
    return int(re.search(r"(\d+) requests in", run.stdout)[1])  # type: ignore[index]


def measure(command: str, seconds: int) -> Sample:
    """Run one round of one server."""
    with serving(command) as (pid, port):
        load(port, 1)
        before = cpu_seconds(pid)
        requests = load(port, seconds)
        used = cpu_seconds(pid) - before
    return Sample(used / requests * 1e6, requests / seconds)


def main() -> None:
    """Measure all servers and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    samples: dict[str, list[Sample]] = {name: [] for name in SERVERS}
    for number in range(options.rounds):
        for name, command in SERVERS.items():
            sample = measure(command, options.seconds)
            samples[name].append(sample)
            print(f"round {number + 1}: {name}: {sample.microseconds:.1f} us", file=sys.stderr)
    base = statistics.median(sample.microseconds for sample in next(iter(samples.values())))
    print(f"{'GET /':26} {'CPU us':>8} {'ratio':>6} {'requests/s':>11}")
    for name, rounds in samples.items():
        cost = statistics.median(sample.microseconds for sample in rounds)
        rate = statistics.median(sample.rate for sample in rounds)
        print(f"{name:26} {cost:8.1f} {cost / base:6.2f} {rate:11.0f}")


if __name__ == "__main__":
    main()
