"""The settings of a supervisor, and their validation."""

import dataclasses
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import MOST

WORKER_TIMEOUT: Final = 30.0
"""Seconds without a turn of the event loop after which a worker counts as hung; gunicorn's ``timeout``."""

CAPABLE: Final = sys.platform == "linux"
"""Whether this system supports a supervisor."""


@dataclasses.dataclass(frozen=True)
class Supervision:
    """The settings of a supervisor. Setting any of them, even to its default, starts a supervisor.

    :raises ConfigurationError: if a value is invalid, or the system is not Linux.
    """

    workers: int = 1
    """Number of worker processes."""
    worker_timeout: float = WORKER_TIMEOUT
    """Seconds without a turn of its event loop after which a worker counts as hung and is replaced; 0:
    never.
    """
    max_requests: int = 0
    """Requests after which a worker is replaced; 0: no limit."""
    max_requests_jitter: int = 0
    """Upper bound of the random number that is added to ``max_requests`` for each worker."""
    max_worker_age: float = 0.0
    """Seconds of service after which a worker is replaced; 0: no limit."""
    max_worker_memory: int = 0
    """Bytes of resident memory at which a worker is replaced; 0: no limit."""
    admin: Any = None
    """Address of ``/livez``, ``/readyz`` and ``/metrics``, in the form of ``bind``; ``None``: no admin
    server.
    """
    reload: bool = False
    """Whether workers are replaced when a file of the application changes, for development."""
    reload_dirs: Sequence[str] = ()
    """Folders to watch; if empty, the first of ``sys.path`` and the folder of the application's file."""
    reload_include: Sequence[str] = ()
    """Patterns of file names to watch; if empty, those of :mod:`~kyoukai.server.supervisor.changes`."""
    reload_exclude: Sequence[str] = ()
    """Patterns of files and folders to leave out."""

    pid: str | None = None
    """Path of the PID file, which names the supervisor while it serves; ``None``: no file."""
    shutdown_delay: float = 0.0
    """Seconds between a stop, when ``/readyz`` begins to fail, and the end of accepting connections."""

    def __post_init__(self) -> None:
        if not CAPABLE:
            raise ConfigurationError(
                f"workers and other features of a supervisor need Linux; on {sys.platform} use one process"
            )
        for field in dataclasses.fields(self):
            if field.type not in (int, float):
                continue
            value = getattr(self, field.name)
            least = 1 if field.name == "workers" else 0
            number = int | float if field.type is float else int
            if not isinstance(value, number) or isinstance(value, bool) or not least <= value <= MOST:
                kind = "number" if field.type is float else "whole number"
                raise ConfigurationError(f"{field.name} is {value!r}; it must be a {kind}, at least {least}")
        if self.pid is not None and (not isinstance(self.pid, str) or not self.pid or "\0" in self.pid):
            raise ConfigurationError(f"pid is {self.pid!r}; it must be the path of a file")
        if self.max_requests_jitter and not self.max_requests:
            raise ConfigurationError("max_requests_jitter needs max_requests")
        if self.reload and importlib.util.find_spec("watchfiles") is None:
            raise ConfigurationError("reload needs watchfiles; pip install 'kyoukai[reload]'")


NAMES: Final = [field.name for field in dataclasses.fields(Supervision)]


def take(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Supervision | None]:
    """Split settings into those of the component and those of a supervisor, or ``None`` if there are none.

    :raises ConfigurationError: if the supervisor's settings cannot be used.
    """
    ours = {name: settings[name] for name in NAMES if settings.get(name) is not None}
    if not ours.get("reload"):
        # A configuration file may set what to watch and leave it to the command line to ask for --reload.
        ours = {name: value for name, value in ours.items() if not name.startswith("reload")}
    others = {name: value for name, value in settings.items() if name not in NAMES}
    return others, Supervision(**ours) if ours else None
