"""Files that the server sends by itself: its extensions ``zerocopysend`` and ``pathsend``."""

import os
import stat
from collections.abc import Container
from typing import Any

from .outbox import Event
from .wire import PATHSEND, ZEROCOPYSEND


def file_event(file: Any, size: int, offset: int, extensions: Container[str]) -> Event | None:
    """Return the event that has the server send a file; ``None``: it cannot.

    :param file: binary and open.
    :param size: bytes to be sent.
    :param offset: byte of the file that is the first.
    :param extensions: of the server.
    """
    if ZEROCOPYSEND in extensions:
        # RFC 9110 section 14.2: a part of it may be asked for. The extension calls the open file a "file
        # descriptor object": servers take its number by fileno().
        return {
            "type": "http.response.zerocopysend",
            "file": file,
            "offset": offset,
            "count": size,
            "more_body": True,
        }
    path = path_of(file, size) if PATHSEND in extensions and not offset else None
    return None if path is None else {"type": "http.response.pathsend", "path": path}


def path_of(file: Any, size: int) -> str | None:
    """Return the path of an open file, where all of it is to be sent.

    :return: ``None``: it has none, as where it is deleted, or not all of it is to be sent.
    """
    opened = os.fstat(file.fileno())
    if not stat.S_ISREG(opened.st_mode) or opened.st_size != size:
        return None
    try:
        # One that was opened below a folder has no name of its own.
        path = os.readlink(f"/proc/self/fd/{file.fileno()}")
        # Another one may have taken its place since it was opened, of another size.
        return path if os.path.samestat(opened, os.stat(path)) else None
    except OSError:
        return None
