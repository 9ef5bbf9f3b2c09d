"""One measurement of one server."""

import statistics

import httpx

from benchmarks import accounting
from benchmarks.checking import WrongAnswerError
from benchmarks.http2 import load
from benchmarks.http2.servers import Workload
from benchmarks.measuring import Sample
from benchmarks.running import HOST, serving
from benchmarks.servers import Server
from benchmarks.workloads import WORKLOADS


def check(workload: Workload, port: int) -> None:
    """Ask twice on one connection.

    :raises WrongAnswerError: if an answer is another than the workload's, or not by HTTP/2.
    """
    wanted = ("HTTP/2", 200, workload.content_type, workload.answer)
    with httpx.Client(
        base_url=f"http://{HOST}:{port}", http1=False, http2=True, trust_env=False, headers=workload.headers
    ) as client:
        for _ in range(2):
            method = "POST" if workload.body else "GET"
            try:
                answer = client.request(method, workload.path, content=workload.body or None)
            except httpx.HTTPError as error:
                raise WrongAnswerError(f"no answer to {method} {workload.path}: {error!r}") from error
            got = (answer.http_version, answer.status_code, answer.headers.get("Content-Type"))
            if (*got, answer.content) != wanted:
                raise WrongAnswerError(
                    f"{method} {workload.path} was answered with {got} and {len(answer.content)} bytes, not "
                    f"with {wanted[:3]} and {len(workload.answer)} bytes"
                )


def measure(workload: Workload, server: Server, seconds: int) -> Sample:
    """Run a server, see that it answers as it must, and measure what requests cost.

    Each time, the clients connect anew and send the workload's requests: a part of them before what is
    measured, and then all, as often as so many seconds allow, once at least.

    :raises WrongAnswerError: if it answers otherwise.
    :raises RuntimeError: if it cannot be measured otherwise.
    """
    # For what the server is run with, any workload of requests is as good.
    with serving(server, WORKLOADS["hello"]) as running:
        check(workload, running.port)
        load.run(
            workload._replace(requests=max(workload.requests // 5, workload.connections, 2)), running.port
        )
        before = accounting.cpu_times(running.process.pid)
        done = [load.run(workload, running.port)]
        while sum(one.seconds for one in done) < seconds:
            done.append(load.run(workload, running.port))
        after = accounting.cpu_times(running.process.pid)
        memory = accounting.memory(running.process.pid, "VmHWM") / 1024
    requests = sum(one.requests for one in done)
    user, system = ((end - start) / requests * 1e6 for start, end in zip(before, after, strict=True))
    return {
        "cpu": user + system,
        "user": user,
        "system": system,
        "rate": requests / sum(one.seconds for one in done),
        "p50": statistics.median(one.p50 for one in done),
        "p99": statistics.median(one.p99 for one in done),
        "memory": memory,
    }
