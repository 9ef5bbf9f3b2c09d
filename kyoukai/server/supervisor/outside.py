"""Who outside of the server is told how it is: a service manager, and readers of the process's file."""

import asyncio
from collections.abc import Callable

from kyoukai.server.admin.status import Status
from kyoukai.server.notify import ServiceManager
from kyoukai.server.pid_file import PidFile
from kyoukai.server.supervisor.phases import Phase

INTERVAL = 1.0
"""Seconds between two lines of status, where no sign of life is wanted sooner."""

PATIENCE = 5.0
"""Seconds that a service manager has to take a message that must not be lost."""


class Outside:
    """Tells them.

    :param pid_file: names the process from when it serves on; ``None``: no file does.
    :param manager: the service manager.
    :param is_heir: whether another supervisor serves first, and tells them until then.
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
        """Give signs of life, with the status, as long as the loop runs: one that stands still gives none.

        Where there is no manager, nobody is told, and nothing is looked at.
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
        """Tell of a phase that begins."""
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
        """Where the file of the process is; ``None``: there is none."""
        return None if self._pid_file is None else self._pid_file.path

    def hand_over(self, pid: int, path: str | None) -> bool:
        """Say that another supervisor is the server from now on, and nothing more.

        It may tell them itself then: a manager that hears the main process alone has heard this first.

        :param pid: of the other one.
        :param path: where the file of its process is.
        :return: whether that can be. A manager that has not been told would take the end of this process for
            the server's.
        """
        if not self._manager.tell(PATIENCE, mainpid=pid):
            return False
        self._is_silent = True
        if self._pid_file is not None and path == self.path:
            # At no time is there none, or one of a process that has ended.
            self._pid_file.write(pid)
        return True

    def end(self) -> None:
        """Take the process's name out of the file."""
        if self._pid_file is not None and self._is_named:
            self._pid_file.remove()
