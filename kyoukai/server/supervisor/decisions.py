"""What a supervisor decides, apart from the processes that it is decided of."""

import math
import random
import signal
from collections.abc import Callable, Mapping
from typing import Final

FIRST_DELAY: Final = 0.1
"""Seconds until a worker is replaced that died at once."""

LONGEST_DELAY: Final = 30.0
"""Seconds that the delay, which doubles, does not exceed."""

STABLE: Final = 1.0
"""Seconds that a worker has served at least, where its death is none at once."""

SPARE: Final = 10.0
"""Seconds that an upgrade may take beside the starts of workers: the imports."""

CONTAINER_INITS: Final = frozenset({"catatonit", "docker-init", "dumb-init", "podman-init", "tini"})
"""First processes of containers that end with the process that they have started."""


class Backoff:
    """How long to wait until a dead worker is replaced.

    One that has served for a while is replaced at once. Of those that die at once, one after the other,
    each is waited for twice as long as the one before.
    """

    def __init__(
        self, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY, stable: float = STABLE
    ) -> None:
        self._first, self._longest, self._stable = first, longest, stable
        self._next = first

    def delay(self, served: float | None) -> float:
        """Return the delay in seconds after a worker that served so long; ``None``: it never did."""
        if served is not None and served >= self._stable:
            self._next = self._first
            return 0.0
        delay = self._next
        self._next = min(2 * delay, self._longest)
        return delay


class Lateness:
    """Tells a clock that has stood still for us too from workers that have.

    A process group that is stopped, or a machine that is starved, makes the supervisor late like its workers.
    What it was late by is no silence of theirs.

    :param interval: seconds between two looks.
    """

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self._looked = now

    def look(self, now: float) -> float:
        """Return by how many seconds this look comes late."""
        late = max(0.0, now - self._looked - self._interval)
        self._looked = now
        return late


class Recycling:
    """When a worker has served enough, and a new one takes its place.

    :param requests: after so many; 0: never. Up to ``jitter`` are added at random, so that workers that
        began together do not end together.
    :param age: after so many seconds; 0: never.
    :param memory: when it has so many bytes of memory; 0: never.
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
        """Whether requests have to be counted."""
        self._requests = requests + randint(0, jitter) if requests else math.inf
        self._age = age or math.inf
        self._memory = memory or math.inf

    def reason(self, requests: int, age: float, memory: int) -> tuple[str, str] | None:
        """Return why it is to be replaced, in one word and in several; ``None`` if it is not."""
        if requests >= self._requests:
            return "requests", f"it has had {requests} requests, of max_requests {self._requests}"
        if age >= self._age:
            return "age", f"it has served for {age:.0f} s, of max_worker_age {self._age:g}"
        if memory >= self._memory:
            return "memory", f"it has {memory} bytes of memory, of max_worker_memory {self._memory}"
        return None


def describe_end(status: int) -> str:
    """Return how a process ended, as :attr:`subprocess.Popen.returncode` has it."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def exit_status(status: int) -> int:
    """Return the status to exit with for one of :attr:`subprocess.Popen.returncode`, as a shell has it."""
    return status if status >= 0 else 128 - status


def refusal(
    pid: int, parent: str, environ: Mapping[str, str], *, has_file: bool, reloads: bool
) -> str | None:
    """Return why there can be no upgrade, and what to do instead; ``None`` if there can be one.

    :param pid: of the supervisor.
    :param parent: the name of the first process, if that has started it; else empty.
    :param has_file: whether a file names the supervisor's process.
    :param reloads: whether workers are replaced when a file changes.
    """
    if pid == 1 or parent in CONTAINER_INITS:
        return (
            "the container would end with this process; SIGHUP loads the application anew, and another "
            "version of Python or Kyoukai needs a new container"
        )
    if reloads:
        return "--reload is for development; start the server again"
    if environ.get("SYSTEMD_EXEC_PID") == str(pid) and not environ.get("NOTIFY_SOCKET") and not has_file:
        return (
            "systemd would take the end of this process for the service's; Type=notify lets another "
            "process take its place"
        )
    return None


def upgrade_time(start_timeout: float | None) -> float | None:
    """Return how many seconds an upgrade may take; ``None``: as long as it likes.

    The first worker starts before the others.

    :param start_timeout: of a worker, in seconds; ``None``: as long as it likes.
    """
    return None if start_timeout is None else 2 * start_timeout + SPARE
