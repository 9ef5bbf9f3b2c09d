"""Runs wrk: its script and its output.

A Lua script controls all of it: only a script can set bodies, pipeline requests and print exact numbers.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.running import CLIENT_CORE, HOST
from benchmarks.workloads import Workload

MARK: Final = "benchmark: "

DONE: Final = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nbenchmark: {"requests": %d, "bytes": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "errors": %d}\\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""

PIPELINED: Final = """
init = function(args)
  local requests = {}
  for i = 1, %d do requests[i] = wrk.format() end
  all = table.concat(requests)
end
request = function() return all end
"""


class LoadError(RuntimeError):
    """A run of wrk in which not every request was answered with 200."""


class Load(NamedTuple):
    """The results of one run of wrk."""

    requests: int
    bytes: int
    seconds: float
    p50: float
    """The median of the time to an answer, in milliseconds."""
    p99: float
    """The 99th percentile of the time to an answer, in milliseconds."""


def quoted(text: str) -> str:
    """Return text as a Lua string, with special bytes as decimal escapes."""
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03}" for byte in text.encode()
    )
    return f'"{"".join(plain)}"'


def script(workload: Workload) -> str:
    """Return the script of a workload for wrk."""
    lines = [f"wrk.method = {quoted(workload.method)}"]
    lines += [f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in workload.headers.items()]
    if workload.body:
        lines.append(f"wrk.body = {quoted(workload.body.decode())}")
    if workload.pipelined > 1:
        lines.append(PIPELINED % workload.pipelined)
    return "\n".join([*lines, DONE])


def read_output(output: str, workload: Workload) -> Load:
    """Return the results in the output of wrk.

    :raises LoadError: if an answer was missing, not a 200, or shorter than its expected body.
    """
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise LoadError(f"wrk printed no result:\n{output}")
    found = json.loads(lines[0].removeprefix(MARK))
    errors = found.pop("errors")
    if errors or not found["requests"]:
        raise LoadError(f"not every request was answered with 200:\n{output}")
    if found["bytes"] < found["requests"] * len(workload.answer):
        raise LoadError(f"answers were shorter than {len(workload.answer)} bytes:\n{output}")
    return Load(**found)


def run(workload: Workload, port: int, seconds: int) -> Load:
    """Load a server from the clients' core.

    :raises LoadError: if not every request got the expected answer.
    """
    scheme = "https" if workload.tls else "http"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workload.lua"
        path.write_text(script(workload), "utf-8")
        done = subprocess.run(
            [
                *("taskset", "-c", str(CLIENT_CORE), "wrk", "-t1", f"-c{workload.connections}"),
                *(f"-d{seconds}s", "--timeout", "10s", "-s", str(path)),
                f"{scheme}://{HOST}:{port}{workload.path}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise LoadError(f"wrk ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return read_output(done.stdout, workload)
