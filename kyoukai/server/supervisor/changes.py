"""Watch the files of an application under development, and report changes."""

import asyncio
import fnmatch
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from watchfiles import Change

logger: Final = logging.getLogger("kyoukai.server")

PATTERNS: Final = ("*.py", "*.yaml", "*.yml")
"""Default patterns of the file names to watch."""


def default_folders(app: Any) -> list[str]:
    """Return the folders to watch by default: the first entry of ``sys.path``.

    :param app: the ``app`` setting; if it names a file, the folder of this file is watched too.
    """
    folders = {os.path.abspath(sys.path[0] if sys.path else "")}
    path = str(app).partition(":")[0] if isinstance(app, str) else ""
    if path.endswith(".py"):
        folders.add(os.path.dirname(os.path.abspath(path)))
    outermost = [Path(folder) for folder in folders]
    return sorted(
        str(folder) for folder in outermost if not any(other in folder.parents for other in outermost)
    )


def is_excluded(path: str, folders: Iterable[str], patterns: Sequence[str]) -> bool:
    """Return whether a path below a watched folder matches one of the patterns.

    A pattern without a slash matches the name of the file or of any folder on the path. A pattern with a
    slash matches the path relative to the watched folder.
    """
    for folder in folders:
        parts = Path(os.path.relpath(path, folder)).parts
        if parts[:1] == ("..",):
            continue
        for pattern in patterns:
            names = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)] if "/" in pattern else parts
            if any(fnmatch.fnmatch(name, pattern.rstrip("/")) for name in names):
                return True
    return False


def named(paths: Iterable[str]) -> list[str]:
    """Return paths relative to the current folder, for the log."""
    return sorted(map(os.path.relpath, paths))


class Changes:
    """Watches files until it is cancelled.

    :param folders: folders to watch, with their subfolders; hidden folders, caches and virtual environments
        are left out.
    :param patterns: patterns of file names to watch; if empty, :data:`PATTERNS`.
    :param excluded: patterns of paths to leave out; see :func:`is_excluded`.
    :param on_change: called with the paths of changed files, within half a second of the change.
    """

    def __init__(
        self,
        folders: Sequence[str],
        patterns: Sequence[str],
        on_change: Callable[[list[str]], object],
        excluded: Sequence[str] = (),
    ) -> None:
        self._folders = list(folders)
        self._patterns = list(patterns or PATTERNS)
        self._excluded = list(excluded)
        self._on_change = on_change

    async def watch(self) -> None:
        """Watch the files. If the system cannot watch them, log the error and return."""
        from watchfiles import DefaultFilter, awatch

        default = DefaultFilter()

        def is_watched(change: "Change", path: str) -> bool:
            name = os.path.basename(path)
            return (
                default(change, path)
                and any(fnmatch.fnmatch(name, one) for one in self._patterns)
                and not is_excluded(path, self._folders, self._excluded)
            )

        besides = f", but not {', '.join(self._excluded)}" if self._excluded else ""
        what = ", ".join(self._patterns)
        logger.info("watching the files %s in %s%s", what, ", ".join(self._folders), besides)
        try:
            changes: Any = awatch(*self._folders, watch_filter=is_watched, debounce=400)
            async for found in changes:
                self._on_change(named(path for _, path in found))
        except OSError as error:
            logger.error("the files cannot be watched: %s", error)

    def start(self) -> "asyncio.Task[None]":
        """Start a task that watches the files, and return it."""
        return asyncio.get_running_loop().create_task(self.watch())
