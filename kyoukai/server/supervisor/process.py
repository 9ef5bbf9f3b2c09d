"""A worker process, as the supervisor sees it."""

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
"""Seconds until a worker that was told to end at once is killed."""

GRACE: Final = 5.0
"""Seconds that a worker has to end in addition to its own timeouts."""


class State(enum.Enum):
    """The state of a worker."""

    STARTING = "starting"
    READY = "ready"
    SERVING = "serving"
    DRAINING = "draining"
    ENDED = "ended"


class Command:
    """How to start a worker: by default, with this process's command line and interpreter.

    :param folder: the working folder of the worker.
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
        """Start a process, and return it with the channel to it.

        :param variable: the environment variable that receives the descriptor of the process's end.
        :raises OSError: if the system cannot start another process.
        """
        channel, theirs = pair()
        with theirs:
            environ = {**self._environ, variable: str(theirs.fileno())}
            # Block these signals until the worker has handlers for them: by default, they would end it.
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
    """Return the command line that started this process.

    The interpreter keeps the path it was started by. This may be a link that a later deployment points to
    another interpreter.

    :param folder: the current folder, by its name.
    """
    written = os.path.join(folder, sys.orig_argv[0])
    try:
        is_ours = os.sep in sys.orig_argv[0] and os.path.samefile(written, sys.executable)
    except OSError:
        is_ours = False
    return [written if is_ours else sys.executable, *sys.orig_argv[1:]]


def current_folder() -> str:
    """Return the current folder, by the name it was entered by.

    If this name is a link to a release, a worker that starts later runs in the link's target at that time.
    """
    folder, named = os.getcwd(), os.environ.get("PWD", "")
    try:
        return named if os.path.isabs(named) and os.path.samefile(named, folder) else folder
    except OSError:
        return folder


class WorkerProcess:
    """A worker process.

    :param name: its name in log lines, which is followed by its process ID.
    :param sockets: the sockets to accept from.
    :param on_ready: called when the worker has started completely.
    :param region: the memory region for its counts.
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
        """Why the worker is to end, in a word; empty: it is not to end."""
        self.values: dict[str, Any] = {}
        """The values of its ``ready`` message."""
        self.served = False
        """Whether it was told to accept connections."""
        self.requests = 0
        self.lag = 0.0
        self.began = self.heard = time.monotonic()
        """``began``: when it started or, later, when it began to serve. ``heard``: when its last message
        arrived.
        """
        self._on_ready = on_ready
        self._timers: list[asyncio.Task[None]] = []
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self.read)
        descriptors, counts = flatten(sockets)
        self.region = region
        """The memory region for its counts; ``None``: it counts nothing."""
        if region is not None:
            descriptors = [*descriptors, region.descriptor]
        values = {"counts": counts, "recycles": recycling.counts, "has_region": region is not None}
        self._channel.send("sockets", descriptors, **values)

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._popen.pid

    @property
    def memory(self) -> int:
        """Resident memory in bytes; 0 if it is unknown."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def serve(self) -> None:
        """Tell the worker to accept connections."""
        self.state = State.SERVING
        self.served = True
        self.began = self.heard = time.monotonic()
        self._channel.send("serve")

    def adopt(self, slot: int, sockets: Sockets) -> None:
        """Tell the worker to accept from another slot's sockets too."""
        descriptors, counts = flatten(sockets)
        self._channel.send("adopt", descriptors, slot=slot, counts=counts)

    def release(self, slot: int) -> None:
        """Tell the worker to stop accepting from another slot's sockets."""
        self._channel.send("release", slot=slot)

    def reopen(self) -> None:
        """Tell the worker to reopen its log files."""
        self._channel.send("reopen")

    def drain(self, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Tell the worker to finish its requests and end; kill it if that takes too long.

        :param leave: whether other workers accept from the backlogs of its sockets.
        :param gone: names of sockets that no other worker accepts from.
        """
        if self.state is State.ENDED:
            return
        if self.state is State.STARTING:
            # A worker reads no messages while it imports the application.
            self._popen.send_signal(signal.SIGTERM)
        else:
            self._channel.send("drain", leave=leave, gone=[*gone])
        self.reason = self.reason or reason
        self.state = State.DRAINING
        self._kill_after(float(self.values.get("patience", 0.0)) + GRACE)

    def abort(self) -> None:
        """Tell the worker to end at once."""
        self._popen.send_signal(signal.SIGTERM)
        self.state = State.DRAINING
        self._kill_after(ABORT_TIME)

    def kill(self, *, with_stacks: bool = False) -> None:
        """Kill the worker.

        :param with_stacks: whether it writes the stacks of its threads to standard error first.
        """
        if with_stacks:
            self._popen.send_signal(signal.SIGABRT)
            self._kill_after(1.0)
        else:
            self._popen.kill()

    def poll(self) -> int | None:
        """Return ``Popen.returncode``; ``None`` while the process runs."""
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
        """Read the worker's messages."""
        while True:
            try:
                message = self._channel.receive()
            except EOFError:
                # The worker is ending; its exit status tells how.
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
    """Reap processes inherited from ended parents, as process 1 of a container must."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
