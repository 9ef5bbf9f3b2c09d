"""Starts a server on its core, and ends it."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from benchmarks import installation
from benchmarks.servers import GROWING, Server
from benchmarks.workloads import Workload

ROOT: Final = Path(__file__).resolve().parent.parent
HOST: Final = "127.0.0.1"
SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1
START_TIME: Final = 30
STOP_TIME: Final = 10


class Running(NamedTuple):
    """A running server."""

    process: "subprocess.Popen[bytes]"
    port: int
    started: float
    """The start time of the process, by `time.perf_counter`."""


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def keep_to_client_core() -> None:
    """Keep this process and its clients off the server's core.

    :raises RuntimeError: if the machine has only one core, or ``taskset`` is missing.
    """
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        raise RuntimeError("two cores are needed: one for the server, one for the client")
    os.sched_setaffinity(0, {CLIENT_CORE})


def raise_file_limit(needed: int) -> None:
    """Raise the limit of open files for this process and its children.

    :raises RuntimeError: if the system does not permit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))
        except ValueError:
            raise RuntimeError(f"{needed} open files are needed, {hard} are allowed: ulimit -n") from None


def arguments(server: Server, workload: Workload, port: int) -> list[str]:
    """Return the command line of a server for a workload."""
    python = sys.executable if server.ours else str(installation.PYTHON)
    command = GROWING if workload.routes else server.command
    words = command.format(port=port).split()
    if workload.tls:
        pair = {"certificate": installation.CERTIFICATE, "key": installation.KEY}
        words += server.tls.format_map(pair).split()
    return ["taskset", "-c", str(SERVER_CORE), python, *words]


@contextlib.contextmanager
def serving(server: Server, workload: Workload) -> Iterator[Running]:
    """Run a server during the block.

    :raises RuntimeError: if it does not start; the message contains its output.
    """
    port = free_port()
    environment = os.environ | {"BENCHMARK_ROUTES": str(workload.routes)}
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments(server, workload, port), cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield Running(process, port, started)
        finally:
            _stop(process)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
            return
        time.sleep(0.002)
    log.seek(0)
    written = log.read().decode("utf-8", "replace")
    raise RuntimeError(f"this did not start: {process.args!r}\n{written}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIME)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
