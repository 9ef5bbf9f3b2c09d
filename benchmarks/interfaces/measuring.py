"""Measures servers that all run, and wait while one of them is asked.

So the servers take turns within seconds, and what a machine does from one minute to the next falls on all
alike.
"""

import contextlib
from types import TracebackType
from typing import Final

from benchmarks import accounting, checking, load
from benchmarks.measuring import WARMUP, Sample
from benchmarks.running import Running, serving
from benchmarks.servers import Server
from benchmarks.workloads import Workload


class Fleet:
    """Servers, each of which is started when it is first asked, and ended with all others."""

    def __init__(self) -> None:
        self._stack: Final = contextlib.ExitStack()
        self._running: Final[dict[str, Running]] = {}
        """By the command of the server."""
        self._asked: Final[set[tuple[str, str]]] = set()
        """The command of a server with what it has been asked: the workload by its description."""

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def measure(self, workload: Workload, server: Server, seconds: int) -> Sample:
        """Return what requests cost, while as many are sent as are answered.

        Before it is measured by a workload for the first time, the server is seen to answer as it must, and
        loaded.

        :raises WrongAnswerError: if it answers otherwise.
        :raises RuntimeError: if it cannot be measured otherwise.
        """
        running = self._running.get(server.command)
        if running is None:
            running = self._stack.enter_context(serving(server, workload))
            self._running[server.command] = running
        asked = (server.command, workload.about)
        if asked not in self._asked:
            checking.check(workload, running.port)
            load.run(workload, running.port, WARMUP)
            self._asked.add(asked)
        before = accounting.cpu_times(running.process.pid)
        done = load.run(workload, running.port, seconds)
        after = accounting.cpu_times(running.process.pid)
        user, system = ((end - start) / done.requests * 1e6 for start, end in zip(before, after, strict=True))
        return {
            "cpu": user + system,
            "user": user,
            "system": system,
            "rate": done.requests / done.seconds,
            "p50": done.p50,
            "p99": done.p99,
        }
