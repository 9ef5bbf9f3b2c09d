"""Decisions of a supervisor, as functions and small classes that need no processes."""

import math
import random
import signal
from collections.abc import Callable, Mapping
from typing import Final

FIRST_DELAY: Final = 0.1
"""Seconds before replacing a worker that died soon after its start."""

LONGEST_DELAY: Final = 30.0
"""Longest delay in seconds. The delay doubles with each early death up to this value."""

STABLE: Final = 1.0
"""Seconds of service after which a worker's death no longer counts as early."""

SPARE: Final = 10.0
"""Seconds that an upgrade may take in addition to the start of workers: for imports."""

CONTAINER_INITS: Final = frozenset({"catatonit", "docker-init", "dumb-init", "podman-init", "tini"})
"""Init processes of containers that exit together with the process they started."""


class Backoff:
    """Computes the delay before a dead worker is replaced.

    A worker that has served for a while is replaced at once. For early deaths in a row, each delay is twice
    the one before.
    """

    def __init__(
        self, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY, stable: float = STABLE
    ) -> None:
        self._first, self._longest, self._stable = first, longest, stable
        self._next = first

    def delay(self, served: float | None) -> float:
        """Return the delay in seconds.

        :param served: how many seconds the dead worker served; ``None``: it never served.
        """
        if served is not None and served >= self._stable:
            self._next = self._first
            return 0.0
        delay = self._next
        self._next = min(2 * delay, self._longest)
        return delay


class Lateness:
    """Measures how late the supervisor itself is, because a paused system delays it like the workers.

    If the process group is stopped or the machine is starved, the supervisor runs late like its workers. Its
    own lateness does not count as silence of a worker.

    :param interval: planned seconds between two checks.
    """

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self._looked = now

    def look(self, now: float) -> float:
        """Return by how many seconds this check is late."""
        late = max(0.0, now - self._looked - self._interval)
        self._looked = now
        return late


class Recycling:
    """The limits after which a worker is replaced.

    :param requests: number of requests; 0: no limit. Up to ``jitter`` are added at random, so that workers
        started together do not end together.
    :param age: seconds of service; 0: no limit.
    :param memory: bytes of resident memory; 0: no limit.
    """

    def __init__(
        self,
        requests: int = 0,
        jitter: int = 0,
        age: float = 0.0,
        memory: int = 0,
        randint: Callable[[int, int], int] = random.randint,
    ) -> None:
        self.counts = requests > 0
        """Whether requests must be counted."""
        self._requests = requests + randint(0, jitter) if requests else math.inf
        self._age = age or math.inf
        self._memory = memory or math.inf

    def reason(self, requests: int, age: float, memory: int) -> tuple[str, str] | None:
        """Return which limit a worker has reached, as a word and as a phrase; ``None`` if none."""
        if requests >= self._requests:
            return (
                "requests",
                f"it has served {requests} requests (max_requests with jitter: {self._requests})",
            )
        if age >= self._age:
            return "age", f"it has served for {age:.0f} s (max_worker_age: {self._age:g})"
        if memory >= self._memory:
            return "memory", f"it uses {memory} bytes of memory (max_worker_memory: {self._memory})"
        return None


def describe_end(status: int) -> str:
    """Return a description of a process's end, from its :attr:`subprocess.Popen.returncode`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def exit_status(status: int) -> int:
    """Convert a :attr:`subprocess.Popen.returncode` to an exit status, as a shell does."""
    return status if status >= 0 else 128 - status


def refusal(
    pid: int, parent: str, environ: Mapping[str, str], *, has_file: bool, reloads: bool
) -> str | None:
    """Return why an upgrade is impossible and what to do instead; ``None`` if it is possible.

    :param pid: the supervisor's process ID.
    :param parent: the name of process 1 if it is the supervisor's parent; otherwise empty.
    :param has_file: whether there is a PID file for the supervisor.
    :param reloads: whether a changed file makes the supervisor reload.
    """
    if pid == 1 or parent in CONTAINER_INITS:
        return (
            "the container would end with this process; SIGHUP reloads the application, and another "
            "version of Python or Kyoukai needs a new container"
        )
    if reloads:
        return "--reload is for development; restart the server"
    if environ.get("SYSTEMD_EXEC_PID") == str(pid) and not environ.get("NOTIFY_SOCKET") and not has_file:
        return (
            "systemd would take the end of this process for the end of the service; Type=notify lets another "
            "process take its place"
        )
    return None


def upgrade_time(start_timeout: float | None) -> float | None:
    """Return the time limit for an upgrade in seconds; ``None``: no limit.

    The limit covers two starts of workers, because the first worker starts before the others.

    :param start_timeout: time limit for the start of one worker in seconds; ``None``: no limit.
    """
    return None if start_timeout is None else 2 * start_timeout + SPARE
