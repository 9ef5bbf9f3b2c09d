"""Report the server's state to the service manager, and maintain the PID file."""

import asyncio
from collections.abc import Callable

from kyoukai.server.admin.status import Status
from kyoukai.server.notify import ServiceManager
from kyoukai.server.pid_file import PidFile
from kyoukai.server.supervisor.phases import Phase

INTERVAL = 1.0
"""Seconds between two status messages, if the watchdog does not ask for a shorter interval."""

PATIENCE = 5.0
"""Seconds that the service manager has to take a message that must not be lost."""


class Outside:
    """Reports to the service manager and maintains the PID file.

    :param pid_file: the PID file, written when the server starts to serve; ``None``: no file.
    :param manager: the service manager.
    :param is_heir: whether an older supervisor still serves, and does this until the takeover.
    """

    def __init__(
        self,
        pid_file: PidFile | None = None,
        manager: ServiceManager | None = None,
        *,
        is_heir: bool = False,
    ) -> None:
        self._is_silent = is_heir
        self._pid_file = pid_file
        self._manager = manager or ServiceManager()
        self._is_named = False

    def begin(self, status: Callable[[], Status]) -> None:
        """Send watchdog messages with the status while the loop runs; a blocked loop sends none.

        Without a service manager, this does nothing.
        """
        if not self._manager.is_there:
            return
        now = status()
        text = f"{now.phase}: {now.ready} of {now.wanted} workers are ready"
        fields: dict[str, str | int] = {"status": text}
        if self._manager.watchdog:
            fields["watchdog"] = 1
        if not self._is_silent:
            self._manager.tell(**fields)
        interval = min(INTERVAL, self._manager.watchdog or INTERVAL)
        asyncio.get_running_loop().call_later(interval, self.begin, status)

    def enter(self, phase: Phase) -> None:
        """Report the beginning of a phase."""
        if phase is Phase.SERVING:
            self._is_silent = False
            if self._pid_file is not None and not self._is_named:
                self._pid_file.write()
                self._is_named = True
            self._manager.tell(ready=1)
        elif phase in (Phase.RELOADING, Phase.UPGRADING):
            self._manager.reloading()
        elif phase is Phase.DRAINING and not self._is_silent:
            self._manager.tell(stopping=1)

    @property
    def path(self) -> str | None:
        """The path of the PID file; ``None``: no file."""
        return None if self._pid_file is None else self._pid_file.path

    def hand_over(self, pid: int, path: str | None) -> bool:
        """Announce that another supervisor is the server from now on, and send nothing after that.

        From then on the other one may report by itself: a manager that accepts messages only from the main
        process has received this one first.

        :param pid: the other supervisor's process ID.
        :param path: the path of its PID file.
        :return: whether the announcement succeeded. Without it, the manager would take the end of this
            process for the end of the service.
        """
        if not self._manager.tell(PATIENCE, mainpid=pid):
            return False
        self._is_silent = True
        if self._pid_file is not None and path == self.path:
            # The PID file always exists and always names a running process.
            self._pid_file.write(pid)
        return True

    def end(self) -> None:
        """Remove the process from the PID file."""
        if self._pid_file is not None and self._is_named:
            self._pid_file.remove()
