"""Files that the ASGI server sends itself, by its extensions ``zerocopysend`` and ``pathsend``."""

import os
import stat
from collections.abc import Container
from typing import Any

from .outbox import Event
from .wire import PATHSEND, ZEROCOPYSEND


def file_event(file: Any, size: int, offset: int, extensions: Container[str]) -> Event | None:
    """Return the event that makes the server send a file, or ``None`` if it cannot.

    :param file: binary and open.
    :param size: bytes to be sent.
    :param offset: the first byte of the file to be sent.
    :param extensions: of the server.
    """
    if ZEROCOPYSEND in extensions:
        # RFC 9110 section 14.2: a part of the file may be asked for. The extension calls the open file a
        # "file descriptor object": servers take its number with fileno().
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
    """Return the path of an open file, if the whole file is to be sent.

    :return: ``None`` if only a part is to be sent, or the file has no path any more.
    """
    opened = os.fstat(file.fileno())
    if not stat.S_ISREG(opened.st_mode) or opened.st_size != size:
        return None
    try:
        # A file that was opened relative to a folder has no full name.
        path = os.readlink(f"/proc/self/fd/{file.fileno()}")
        # Another file, of another size, may have replaced it since it was opened.
        return path if os.path.samestat(opened, os.stat(path)) else None
    except OSError:
        return None
