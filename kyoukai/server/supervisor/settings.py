"""What a supervisor is told, and how it is checked."""

import dataclasses
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import MOST

WORKER_TIMEOUT: Final = 30.0
"""Seconds without a turn of the loop after which a worker hangs; gunicorn's ``timeout``."""

CAPABLE: Final = sys.platform == "linux"
"""Whether this system has what a supervisor needs."""


@dataclasses.dataclass(frozen=True)
class Supervision:
    """The settings of a supervisor. Where one is given, even as its default, there is a supervisor.

    :raises ConfigurationError: if one of them is no good, or this system is not Linux.
    """

    workers: int = 1
    """Processes that serve."""
    worker_timeout: float = WORKER_TIMEOUT
    """Seconds without a turn of its loop after which a worker is taken to hang, and replaced; 0: never."""
    max_requests: int = 0
    """Requests after which a worker is replaced; 0: any number."""
    max_requests_jitter: int = 0
    """Requests that are added to ``max_requests`` at most, at random for each worker."""
    max_worker_age: float = 0.0
    """Seconds after which a worker is replaced; 0: never."""
    max_worker_memory: int = 0
    """Bytes of resident memory at which a worker is replaced; 0: any number."""
    admin: Any = None
    """Where ``/livez``, ``/readyz`` and ``/metrics`` are, as ``bind`` has it; ``None``: nowhere."""
    reload: bool = False
    """Whether workers are replaced when a file of the application changes, for development."""
    reload_dirs: Sequence[str] = ()
    """The folders whose files are watched; none: those where modules are looked for first."""
    reload_include: Sequence[str] = ()
    """Patterns of the names of the files; none: those of :mod:`~kyoukai.server.supervisor.changes`."""
    reload_exclude: Sequence[str] = ()
    """Patterns of files and folders that are not watched."""

    pid: str | None = None
    """The file that names the process of the supervisor while it serves; ``None``: none."""
    shutdown_delay: float = 0.0
    """Seconds from a stop, when ``/readyz`` fails, until no connection is accepted any more."""

    def __post_init__(self) -> None:
        if not CAPABLE:
            raise ConfigurationError(
                f"workers, and what else a supervisor does, need Linux; on {sys.platform} one process serves"
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
    """Return settings without those of a supervisor, and what those are; ``None`` if there are none.

    :raises ConfigurationError: if they cannot be used.
    """
    ours = {name: settings[name] for name in NAMES if settings.get(name) is not None}
    if not ours.get("reload"):
        # What it would watch may stand in a file for whoever asks for it.
        ours = {name: value for name, value in ours.items() if not name.startswith("reload")}
    others = {name: value for name, value in settings.items() if name not in NAMES}
    return others, Supervision(**ours) if ours else None
