"""The file that says which process serves, for whoever sends it signals."""

import contextlib
import logging
import os
from pathlib import Path
from typing import Final

from kyoukai.core.errors import ConfigurationError

logger: Final = logging.getLogger("kyoukai.server")


class PidFile:
    """The file of one process.

    :param path: where it is.
    :param heir_of: the number of the process whose place this one takes, which may be named in it still.
    :raises ConfigurationError: if a process that lives is named in it, or it cannot be written.
    """

    def __init__(self, path: str, heir_of: int | None = None) -> None:
        self._path = Path(path)
        other = self._read()
        if other is not None and other not in (os.getpid(), heir_of) and lives(other):
            raise ConfigurationError(f"pid is {path!r}; that names the process {other}, which is running")
        folder = self._path.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            why = "files cannot be made in" if folder.is_dir() else "there is no folder"
            raise ConfigurationError(f"pid is {path!r}; {why} {str(folder)!r}")

    @property
    def path(self) -> str:
        """Where it is, by its whole name."""
        return str(self._path.absolute())

    def write(self, pid: int | None = None) -> None:
        """Name a process in it, in place of another; what fails is logged.

        :param pid: of the process; ``None``: this one.
        """
        # Whoever reads it finds a whole number at any time.
        written = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            written.write_text(f"{os.getpid() if pid is None else pid}\n")
            written.replace(self._path)
        except OSError as error:
            logger.error("the file %s cannot be written: %s", self._path, error.strerror)

    def remove(self) -> None:
        """Remove it, unless it is another's by now."""
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
    """Return whether there is a process of this number."""
    if pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
