"""An upgrade, on the side of the old supervisor: it starts a new one, which replaces it when it is ready.

Modules needed for an upgrade are imported at the start: by the time of the upgrade, the files on disk are
those of the new version.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Collection, Sequence
from typing import Final

from kyoukai.core.serving.awake import call_after
from kyoukai.server.handed import Column
from kyoukai.server.supervisor.decisions import describe_end, refusal, upgrade_time
from kyoukai.server.supervisor.handover import LAYOUT, VARIABLE, VERSION, describe, flatten, send
from kyoukai.server.supervisor.process import GRACE, Command
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.tally import Tally

logger: Final = logging.getLogger("kyoukai.server")

FAILED: Final = "the upgrade failed; this server continues to serve"


def first_process_as_parent() -> str:
    """Return the name of process 1 if it is the parent of this process; otherwise an empty string."""
    if os.getppid() != 1:
        return ""
    try:
        with open("/proc/1/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


class Successor:
    """A new supervisor that is to replace this one.

    :param command: how to start it.
    :param listening: the listening sockets.
    :param admin: the sockets of the admin server.
    :param within: seconds until it must be ready; ``None``: no limit.
    :param on_ready: called with this object when its workers have started; returns whether it may serve.
    :raises OSError: if it cannot be started.
    """

    def __init__(
        self,
        command: Command,
        listening: Sequence[Column],
        admin: Sequence[Column],
        within: float | None,
        on_ready: Callable[["Successor"], bool],
    ) -> None:
        self._popen, self._channel = command.start(VARIABLE)
        self.serves = False
        """Whether it has replaced this supervisor."""
        self.is_unwanted = False
        """Whether it must end because this supervisor ends."""
        self.kept: Collection[str] = ()
        """The names of the sockets that it keeps in use, once it is ready."""
        self.path: str | None = None
        """The path of its PID file; ``None``: no file."""
        self.has_ended = False
        self._why = ""
        self._within = within
        self._on_ready = on_ready
        self._timer = None if within is None else call_after(within, self._give_up)
        self._killing: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._read)
        values = {"version": VERSION, "pid": os.getpid()}
        columns = {"listening": describe(listening), "admin": describe(admin)}
        if not send(self._channel, "estate", flatten([*listening, *admin]), **columns, **values):
            self.end("the sockets cannot be passed to the new supervisor")

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._popen.pid

    def signal(self, number: signal.Signals) -> None:
        """Forward a signal to it."""
        if not self.has_ended:
            self._popen.send_signal(number)

    def end(self, why: str) -> None:
        """End it before it has replaced this supervisor.

        :param why: the reason, for the log.
        """
        self._why = self._why or why
        self.signal(signal.SIGTERM)
        self._killing = call_after(GRACE, self.kill)

    def kill(self) -> None:
        """Kill it."""
        self.signal(signal.SIGKILL)

    def hand_over(self, tally: Tally, signals: Sequence[str]) -> None:
        """Tell it to serve, and pass the counts on to it.

        :param signals: names of the signals left to it.
        """
        self.serves = True
        self._cancel_timers()
        values = {"ends": dict(tally.ends), "layout": LAYOUT, "signals": [*signals]}
        if not send(self._channel, "go", tally.hold(), **values):
            logger.warning("the counts so far cannot be sent to the new supervisor (pid %d)", self.pid)
            # Close the channel: the new supervisor then serves at once. After half a message it would wait
            # for the rest.
            self._stop_reading()
            self._channel.close()
        tally.untold.clear()

    def tell(self, kind: str, tally: Tally) -> None:
        """Tell it which workers have ended since the last message.

        :param kind: the kind of the message.
        """
        if self._channel.send(kind, ends=dict(tally.untold)):
            tally.untold.clear()

    def poll(self) -> str | None:
        """Return, once, why it has ended; ``None`` while it runs and on later calls."""
        if self.has_ended or (status := self._popen.poll()) is None:
            return None
        self.has_ended = True
        self._read()
        self.close()
        return self._why or (
            f"the new supervisor (pid {self.pid}) ended before it was ready: {describe_end(status)}; "
            f"see its own output"
        )

    def close(self) -> None:
        """Close the channel to it, and stop waiting for its process."""
        self._cancel_timers()
        self._stop_reading()
        self._channel.close()
        # The new supervisor keeps running: set the return code, so that Popen does not warn.
        if self._popen.returncode is None:
            self._popen.returncode = 0

    def _give_up(self) -> None:
        self.end(f"the new supervisor (pid {self.pid}) was not ready within {self._within:g} s")

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._killing):
            if timer is not None:
                timer.cancel()

    def _stop_reading(self) -> None:
        if self._channel.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())

    def _read(self) -> None:
        while True:
            try:
                message = self._channel.receive()
            except EOFError:
                # The new supervisor is ending; its exit status tells how.
                self._stop_reading()
                return
            if message is None:
                return
            if message.kind == "failed":
                self._why = (
                    self._why
                    or f"the new supervisor (pid {self.pid}) does not start: {message.values['why']}"
                )
            elif message.kind == "ready" and not (self.serves or self._why) and self._popen.poll() is None:
                self.kept, self.path = message.values["kept"], message.values["pid_file"]
                if not self._on_ready(self):
                    self.end("the service manager did not accept the new process ID")


class Upgrades:
    """The upgrades of a supervisor, at most one at a time.

    :param command: how to start a new supervisor or a worker.
    :param start_timeout: time limit for the start of a worker in seconds; ``None``: no limit.
    """

    def __init__(self, command: Command, start_timeout: float | None = None) -> None:
        self.command = command
        self.admin: Callable[[], list[Column]] = list
        """Returns the sockets of the admin server."""
        self._within = upgrade_time(start_timeout)
        self._successor: Successor | None = None

    @property
    def successor(self) -> Successor | None:
        """The new supervisor, from its start to its end."""
        return None if self._successor is None or self._successor.has_ended else self._successor

    @property
    def is_under_way(self) -> bool:
        """Whether a new supervisor has been started and has not replaced this one yet."""
        return self.successor is not None and not self.successor.serves

    def begin(
        self, settings: Supervision, listening: Sequence[Column], on_ready: Callable[[Successor], bool]
    ) -> bool:
        """Start a new supervisor; return whether it was started. If it was not, log why.

        :param settings: this supervisor's settings.
        :param listening: the listening sockets.
        :param on_ready: as in :class:`Successor`.
        """
        why = refusal(
            os.getpid(),
            first_process_as_parent(),
            os.environ,
            has_file=settings.pid is not None,
            reloads=settings.reload,
        )
        if why is not None:
            logger.warning("no upgrade: %s", why)
            return False
        try:
            self._successor = Successor(self.command, listening, self.admin(), self._within, on_ready)
        except OSError as error:
            logger.error("%s: %s", FAILED, error)
            return False
        logger.info("started the new supervisor (pid %d)", self._successor.pid)
        return True

    def end(self) -> None:
        """End a new supervisor that has not replaced this one yet."""
        if self.is_under_way and self.successor is not None:
            self.successor.is_unwanted = True
            self.successor.end("this server is stopped")

    def kill(self) -> None:
        """Kill such a supervisor."""
        if self.is_under_way and self.successor is not None:
            self.successor.kill()

    def pass_on(self, number: signal.Signals) -> None:
        """Forward a signal to the new supervisor."""
        if self.is_under_way and self.successor is not None:
            self.successor.signal(number)

    def poll(self) -> bool:
        """Return whether the new supervisor ended before it served. If so, log why, once."""
        why = None if self.successor is None else self.successor.poll()
        if why is None or self._successor is None or self._successor.serves:
            return False
        if not self._successor.is_unwanted:
            logger.error("%s: %s", FAILED, why)
        return True

    def tell_ends(self, tally: Tally) -> None:
        """Tell a new supervisor that serves which workers have ended."""
        if self.successor is not None and self.successor.serves:
            self.successor.tell("ends", tally)

    def finish(self, tally: Tally, *, is_last: bool) -> None:
        """Tell a new supervisor that serves that this one ends, and close the channel.

        :param is_last: whether all workers from before have ended, so that the counts are final.
        """
        if self.successor is not None:
            self.successor.tell("ended" if is_last else "ends", tally)
            self.successor.close()
