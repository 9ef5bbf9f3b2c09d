"""The PID file, for programs that send signals to the server."""

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

from kyoukai.core.errors import ConfigurationError

logger: Final = logging.getLogger("kyoukai.server")


class PidFile:
    """The PID file of a process.

    :param path: the path of the file.
    :param heir_of: the process ID of the supervisor that this one replaces, which the file may still name.
    :raises ConfigurationError: if the file names a running process or cannot be written.
    """

    def __init__(self, path: str, heir_of: int | None = None) -> None:
        self._path = Path(path)
        other = self._read()
        if other is not None and other not in (os.getpid(), heir_of) and lives(other):
            raise ConfigurationError(f"pid is {path!r}; this file names process {other}, which is running")
        folder = self._path.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            why = "cannot create a file in" if folder.is_dir() else "there is no folder"
            raise ConfigurationError(f"pid is {path!r}; {why} {str(folder)!r}")

    @property
    def path(self) -> str:
        """The absolute path of the file."""
        return str(self._path.absolute())

    def write(self, pid: int | None = None) -> None:
        """Replace the file's process ID; log a failure.

        :param pid: the new process ID; ``None``: this process.
        """
        # Replace the file in one step, so that readers always find a complete number.
        written = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            written.write_text(f"{os.getpid() if pid is None else pid}\n")
            written.replace(self._path)
        except OSError as error:
            logger.error("the file %s cannot be written: %s", self._path, error.strerror)

    def remove(self) -> None:
        """Remove the file, unless it names another process."""
        if self._read() == os.getpid():
            try:
                self._path.unlink()
            except OSError as error:
                logger.warning("the file %s cannot be removed: %s", self._path, error.strerror)

    def _read(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int(self._path.read_text())
        return None


def lives(pid: int) -> bool:
    """Return whether a process with this ID exists."""
    if pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
