"""One worker's process, as the supervisor sees it."""

import asyncio
import enum
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from kyoukai.core.serving.awake import call_after
from kyoukai.server.listeners import Sockets
from kyoukai.server.metrics.region import Region
from kyoukai.server.supervisor.channel import VARIABLE, Channel, Message, pair
from kyoukai.server.supervisor.decisions import Recycling
from kyoukai.server.supervisor.sockets import flatten
from kyoukai.server.supervisor.worker import HELD

PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

ABORT_TIME: Final = 3.0
"""Seconds that a worker has to end in that is told to end at once."""

GRACE: Final = 5.0
"""Seconds that a worker has to end in beside those that its own steps may take."""


class State(enum.Enum):
    """What a worker is at."""

    STARTING = "starting"
    READY = "ready"
    SERVING = "serving"
    DRAINING = "draining"
    ENDED = "ended"


class Command:
    """How a worker is started: as this process was, with the same interpreter.

    :param folder: where it runs.
    """

    def __init__(
        self,
        arguments: Sequence[str] | None = None,
        folder: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = current_folder() if folder is None else folder
        self._arguments = own_command(self._folder) if arguments is None else list(arguments)
        self._environ = dict(os.environ if environ is None else environ)

    def start(self, variable: str = VARIABLE) -> tuple["subprocess.Popen[bytes]", Channel]:
        """Start a worker, and return it and the channel to it.

        :param variable: of the environment, which has the descriptor of its end.
        :raises OSError: if the system has no room for it.
        """
        channel, theirs = pair()
        with theirs:
            environ = {**self._environ, variable: str(theirs.fileno())}
            # Until it has handlers for them, they would end it.
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
            try:
                popen = subprocess.Popen(  # noqa: S603 - It is what this process was started by.
                    self._arguments, cwd=self._folder, env=environ, pass_fds=[theirs.fileno()]
                )
            except BaseException:
                channel.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return popen, channel


def own_command(folder: str) -> list[str]:
    """Return the command line that this process was started by.

    The interpreter is named as it was then: it may be a link, and lead to another one later.

    :param folder: where it runs, by its name.
    """
    written = os.path.join(folder, sys.orig_argv[0])
    try:
        is_ours = os.sep in sys.orig_argv[0] and os.path.samefile(written, sys.executable)
    except OSError:
        is_ours = False
    return [written if is_ours else sys.executable, *sys.orig_argv[1:]]


def current_folder() -> str:
    """Return the current folder by the name that it was entered by.

    Where that is a link to a version, a worker that is started later finds the version that it leads to then.
    """
    folder, named = os.getcwd(), os.environ.get("PWD", "")
    try:
        return named if os.path.isabs(named) and os.path.samefile(named, folder) else folder
    except OSError:
        return folder


class WorkerProcess:
    """A worker.

    :param name: of it in the log; its process's number is added.
    :param sockets: the sockets that it accepts from.
    :param on_ready: called when everything in it has started.
    :param region: what it counts in.
    """

    def __init__(
        self,
        name: str,
        command: Command,
        sockets: Sockets,
        recycling: Recycling,
        on_ready: Callable[["WorkerProcess"], None],
        region: Region | None = None,
    ) -> None:
        self._popen, self._channel = command.start()
        self.name = f"{name} (pid {self._popen.pid})"
        self.state = State.STARTING
        self.recycling = recycling
        self.reason = ""
        """Why it is to end, in a word; empty: it is not."""
        self.values: dict[str, Any] = {}
        """What it said of itself when it was ready."""
        self.served = False
        """Whether it has been told to accept connections."""
        self.requests = 0
        self.lag = 0.0
        self.began = self.heard = time.monotonic()
        """When it was started or, once it is, began to serve; and when its loop was heard of last."""
        self._on_ready = on_ready
        self._timers: list[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self.read)
        descriptors, counts = flatten(sockets)
        self.region = region
        """What it counts in; ``None``: it counts nothing."""
        if region is not None:
            descriptors = [*descriptors, region.descriptor]
        values = {"counts": counts, "recycles": recycling.counts, "has_region": region is not None}
        self._channel.send("sockets", descriptors, **values)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._popen.pid

    @property
    def memory(self) -> int:
        """Bytes of memory that are resident; 0 where there is no telling."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def serve(self) -> None:
        """Have it accept connections."""
        self.state = State.SERVING
        self.served = True
        self.began = self.heard = time.monotonic()
        self._channel.send("serve")

    def adopt(self, slot: int, sockets: Sockets) -> None:
        """Have it accept from another slot's sockets too."""
        descriptors, counts = flatten(sockets)
        self._channel.send("adopt", descriptors, slot=slot, counts=counts)

    def release(self, slot: int) -> None:
        """Have it accept from another slot's sockets no more."""
        self._channel.send("release", slot=slot)

    def reopen(self) -> None:
        """Have it open its log files anew."""
        self._channel.send("reopen")

    def drain(self, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Have it end when it has served what is under way, and end it when that takes too long.

        :param leave: whether others go on with what waits in the backlog.
        :param gone: the names of sockets that they do not go on with.
        """
        if self.state is State.ENDED:
            return
        if self.state is State.STARTING:
            # The import of an application reads no messages.
            self._popen.send_signal(signal.SIGTERM)
        else:
            self._channel.send("drain", leave=leave, gone=[*gone])
        self.reason = self.reason or reason
        self.state = State.DRAINING
        self._kill_after(float(self.values.get("patience", 0.0)) + GRACE)

    def abort(self) -> None:
        """Have it end at once."""
        self._popen.send_signal(signal.SIGTERM)
        self.state = State.DRAINING
        self._kill_after(ABORT_TIME)

    def kill(self, *, with_stacks: bool = False) -> None:
        """End it, whatever it does.

        :param with_stacks: whether it writes on standard error where each of its threads is.
        """
        if with_stacks:
            self._popen.send_signal(signal.SIGABRT)
            self._kill_after(1.0)
        else:
            self._popen.kill()

    def poll(self) -> int | None:
        """Return how its process ended, as ``Popen.returncode`` has it; ``None``: it has not."""
        status = self._popen.poll()
        if status is not None and self.state is not State.ENDED:
            self.read()
            self.state = State.ENDED
            for timer in self._timers:
                timer.cancel()
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
        return status

    def read(self) -> None:
        """Read what it says."""
        while True:
            try:
                message = self._channel.receive()
            except EOFError:
                # It ends: its process tells how.
                asyncio.get_running_loop().remove_reader(self._channel.fileno())
                return
            if message is None:
                return
            self._take(message)

    def _take(self, message: Message) -> None:
        self.heard = time.monotonic()
        if message.kind == "ready" and self.state is State.STARTING:
            self.state = State.READY
            self.values = message.values
            self._on_ready(self)
        elif message.kind == "beat":
            self.requests, self.lag = message.values["requests"], message.values["lag"]

    def _kill_after(self, delay: float) -> None:
        self._timers.append(call_after(delay, self._popen.kill))


def reap_orphans() -> None:
    """Take note of the ends of processes that this one has inherited, as the first of a container does."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
