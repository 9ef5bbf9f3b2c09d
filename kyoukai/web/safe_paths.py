"""Where a path leads that a client chose: to a regular file beneath a directory, or nowhere.

What a path may be is decided by its text alone. What it leads to is found by the system: links are
followed first, and then each part of what they lead to is opened within the one before, without following
any link, so that nothing can be exchanged between the look and the opening.
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
"""What the system says of a path that leads to nothing that can be sent. Others are the server's trouble."""

READING: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
"""How a file is opened: not waiting, since the opening of a named pipe waits for its other end."""

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)

PASSING: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | NO_LINK
"""How a directory is opened that is only passed through."""


def read_path(path: str, *, dot_files: bool = False) -> tuple[str, ...] | None:
    """Return the parts of a path; none for the directory itself; ``None`` if it must lead nowhere.

    :param path: with slashes between its parts, decoded; one slash may end it.
    :param dot_files: whether parts that begin with a dot are served, but for ``.`` and ``..``.
    """
    if "\0" in path:
        return None
    parts = tuple(path.removesuffix("/").split("/")) if path else ()
    for part in parts:
        if part in ("", ".", "..") or (part.startswith(".") and not dot_files):
            return None
    # What else stands for something on this system: other separators, names of devices.
    return parts if safe_join(".", path) is not None else None


def open_regular(path: str, *, within: int | None = None, flags: int = 0) -> IO[bytes]:
    """Open a regular file for reading.

    :param path: of the file.
    :param within: the descriptor of the directory that it is relative to; by default the current one.
    :param flags: how else to open it.
    :raises OSError: if it cannot be opened, or is no regular file.
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
    """Open a regular file beneath a directory, or return ``None`` if there is none that may be sent.

    A symbolic link is followed as long as what it leads to is beneath the directory.

    :param parts: of a path that :func:`read_path` has read.
    :raises OSError: if the system cannot open anything more, or the disk fails.
    """
    try:
        found = _resolve(directory, parts)
        return None if found is None else _open_parts(*found)
    except OSError as exc:
        if exc.errno in NOWHERE:
            return None
        raise
    except ValueError:
        return None  # A name that this system cannot have.


def is_directory(directory: str | os.PathLike[str], parts: tuple[str, ...]) -> bool:
    """Return whether a path leads to a directory beneath another, or that one itself."""
    try:
        found = _resolve(directory, parts)
        return found is not None and os.path.isdir(os.path.join(found[0], *found[1]))
    except (OSError, ValueError):
        return False


def _resolve(directory: str | os.PathLike[str], parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return where a directory is, and a path within it without links; ``None`` if that is outside."""
    # Each time anew, since a directory may be a link that is led elsewhere by a deployment.
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
