"""Opens a path chosen by a client: a regular file beneath a directory, or nothing.

The text of the path is checked first. Then links are resolved, and each part of the result is opened relative
to the one before, without following links: nothing can be exchanged between the check and the opening.
"""

import errno
import os
import stat
from typing import IO, Final

from werkzeug.security import safe_join

NOWHERE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM}
    | {errno.ENXIO, errno.EINVAL}
)
"""Errors of the system for paths that lead to nothing that can be sent. Other errors are the server's."""

READING: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
"""Flags to open a file. O_NONBLOCK: opening a named pipe would wait for its other end."""

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)

PASSING: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | NO_LINK
"""Flags to open a directory on the way."""


def read_path(path: str, *, dot_files: bool = False) -> tuple[str, ...] | None:
    """Return the parts of a path, ``()`` for the directory itself, or ``None`` for a path to be refused.

    :param path: decoded, with slashes between its parts and at most one at its end.
    :param dot_files: whether parts that begin with a dot are served, except ``.`` and ``..``.
    """
    if "\0" in path:
        return None
    parts = tuple(path.removesuffix("/").split("/")) if path else ()
    for part in parts:
        if part in ("", ".", "..") or (part.startswith(".") and not dot_files):
            return None
    # Names with a special meaning on this system: other separators, devices.
    return parts if safe_join(".", path) is not None else None


def open_regular(path: str, *, within: int | None = None, flags: int = 0) -> IO[bytes]:
    """Open a regular file for reading.

    :param path: the path of the file.
    :param within: the descriptor of the directory that it is relative to; by default the current one.
    :param flags: additional flags.
    :raises OSError: if it cannot be opened, or is not a regular file.
    """
    descriptor = os.open(path, READING | flags, dir_fd=within)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
            raise OSError(code, "it is no regular file", path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_beneath(directory: str | os.PathLike[str], parts: tuple[str, ...]) -> IO[bytes] | None:
    """Open a regular file beneath a directory; return ``None`` if there is none that may be sent.

    A symbolic link is followed if its target is beneath the directory.

    :param parts: the parts from :func:`read_path`.
    :raises OSError: if the system is out of descriptors, or the disk fails.
    """
    try:
        found = _resolve(directory, parts)
        return None if found is None else _open_parts(*found)
    except OSError as exc:
        if exc.errno in NOWHERE:
            return None
        raise
    except ValueError:
        return None  # A name that is not valid on this system.


def is_directory(directory: str | os.PathLike[str], parts: tuple[str, ...]) -> bool:
    """Return whether a path leads to a directory beneath another one, or to that directory."""
    try:
        found = _resolve(directory, parts)
        return found is not None and os.path.isdir(os.path.join(found[0], *found[1]))
    except (OSError, ValueError):
        return False


def _resolve(directory: str | os.PathLike[str], parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return the real path of a directory, and a path within it without links; ``None`` if it is outside."""
    # Resolved each time: a deployment may replace the link of a directory.
    root = os.path.realpath(directory)
    target = os.path.realpath(os.path.join(root, *parts), strict=True)
    if target == root:
        return root, ()
    if not target.startswith(os.path.join(root, "")):
        return None
    return root, tuple(os.path.relpath(target, root).split(os.sep))


def _open_parts(root: str, parts: tuple[str, ...]) -> IO[bytes]:
    if os.open not in os.supports_dir_fd:
        return open_regular(os.path.join(root, *parts))
    if not parts:
        raise IsADirectoryError(errno.EISDIR, "it is a directory", root)
    within = os.open(root, PASSING)
    try:
        for part in parts[:-1]:
            outer = within
            within = os.open(part, PASSING, dir_fd=outer)
            os.close(outer)
        return open_regular(parts[-1], within=within, flags=NO_LINK)
    finally:
        os.close(within)
