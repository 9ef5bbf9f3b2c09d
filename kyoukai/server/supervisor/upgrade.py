"""An upgrade, on the side of the old supervisor: it starts a new one, which takes its place when it is ready.

Whatever is needed for it is imported at the start: what lies on the disk is of the new version by then.
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

FAILED: Final = "the upgrade failed, and this server goes on as before"


def first_process_as_parent() -> str:
    """Return the name of the first process, if that has started this one; else nothing."""
    if os.getppid() != 1:
        return ""
    try:
        with open("/proc/1/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


class Successor:
    """A supervisor that is to take the place of this one.

    :param command: what it is started by.
    :param listening: the sockets that listen.
    :param admin: those of the admin server.
    :param within: seconds that it has to be ready in; ``None``: as long as it likes.
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
        """Whether it has taken the place of this supervisor."""
        self.is_unwanted = False
        """Whether it is to end because this one does."""
        self.kept: Collection[str] = ()
        """The names of the sockets that it goes on with, once it is ready."""
        self.path: str | None = None
        """Of the file that names its process; ``None``: there is none."""
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
            self.end("it cannot be handed the sockets")

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._popen.pid

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on to it."""
        if not self.has_ended:
            self._popen.send_signal(number)

    def end(self, why: str) -> None:
        """Have it end before it has taken the place of this one.

        :param why: what there is to be said of it.
        """
        self._why = self._why or why
        self.signal(signal.SIGTERM)
        self._killing = call_after(GRACE, self.kill)

    def kill(self) -> None:
        """End it, whatever it does."""
        self.signal(signal.SIGKILL)

    def hand_over(self, tally: Tally, signals: Sequence[str]) -> None:
        """Have it serve, and go on with what has been counted.

        :param signals: the names of those that are left to it.
        """
        self.serves = True
        self._cancel_timers()
        values = {"ends": dict(tally.ends), "layout": LAYOUT, "signals": [*signals]}
        if not send(self._channel, "go", tally.hold(), **values):
            logger.warning("the new supervisor (pid %d) cannot be told of the counts until now", self.pid)
            # It serves as soon as it finds this one gone; of what is half said it would wait for the rest.
            self._stop_reading()
            self._channel.close()
        tally.untold.clear()

    def tell(self, kind: str, tally: Tally) -> None:
        """Tell it which workers have ended since.

        :param kind: of the message.
        """
        if self._channel.send(kind, ends=dict(tally.untold)):
            tally.untold.clear()

    def poll(self) -> str | None:
        """Return why it has ended, once, if it has; otherwise ``None``."""
        if self.has_ended or (status := self._popen.poll()) is None:
            return None
        self.has_ended = True
        self._read()
        self.close()
        return self._why or (
            f"the new supervisor (pid {self.pid}) ended before it was ready: {describe_end(status)}; "
            f"what it wrote itself says more"
        )

    def close(self) -> None:
        """Let go of it."""
        self._cancel_timers()
        self._stop_reading()
        self._channel.close()
        # One that goes on is not waited for, which is meant so: no warning.
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
                # It ends: its process tells how.
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
                    self.end("the service manager does not take the number of the new process")


class Upgrades:
    """The upgrades of one supervisor, of which there is at most one at a time.

    :param command: what a new supervisor is started by, and a worker.
    :param start_timeout: seconds that the start of a worker may take; ``None``: as long as it likes.
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
        """Whether a new supervisor is there that has not taken this one's place."""
        return self.successor is not None and not self.successor.serves

    def begin(
        self, settings: Supervision, listening: Sequence[Column], on_ready: Callable[[Successor], bool]
    ) -> bool:
        """Start a new supervisor; return whether it is started. If it is not, the log says why.

        :param settings: of this one.
        :param listening: the sockets that listen.
        :param on_ready: as :class:`Successor` has it.
        """
        why = refusal(
            os.getpid(),
            first_process_as_parent(),
            os.environ,
            has_file=settings.pid is not None,
            reloads=settings.reload,
        )
        if why is not None:
            logger.warning("there is no upgrade: %s", why)
            return False
        try:
            self._successor = Successor(self.command, listening, self.admin(), self._within, on_ready)
        except OSError as error:
            logger.error("%s: %s", FAILED, error)
            return False
        logger.info("the new supervisor is started (pid %d)", self._successor.pid)
        return True

    def end(self) -> None:
        """Have a new supervisor end that has not taken this one's place."""
        if self.is_under_way and self.successor is not None:
            self.successor.is_unwanted = True
            self.successor.end("this server is stopped")

    def kill(self) -> None:
        """End it at once."""
        if self.is_under_way and self.successor is not None:
            self.successor.kill()

    def pass_on(self, number: signal.Signals) -> None:
        """Pass a signal on to it."""
        if self.is_under_way and self.successor is not None:
            self.successor.signal(number)

    def poll(self) -> bool:
        """Return whether a new supervisor has ended before it served. If it has, the log says why, once."""
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
        """Tell a new supervisor that serves that this one ends, and let go of it.

        :param is_last: whether there are no others whose workers count still.
        """
        if self.successor is not None:
            self.successor.tell("ended" if is_last else "ends", tally)
            self.successor.close()
