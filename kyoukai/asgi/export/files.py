"""Files that the server sends by itself: its extensions ``zerocopysend`` and ``pathsend``."""

import os
import stat
from collections.abc import Container
from typing import Any

from .outbox import Event
from .wire import PATHSEND, ZEROCOPYSEND


def file_event(file: Any, size: int, extensions: Container[str]) -> Event | None:
    """Return the event that has the server send a file; ``None``: it cannot.

    :param file: binary and open; what is sent is from where it stands.
    :param size: bytes to be sent.
    :param extensions: of the server.
    """
    if ZEROCOPYSEND in extensions:
        # RFC 9110 section 14.2: a part of it may be asked for.
        return {
            "type": "http.response.zerocopysend",
            "file": file.fileno(),
            "offset": file.tell(),
            "count": size,
            "more_body": True,
        }
    if PATHSEND in extensions and _is_all_of(file, size):
        return {"type": "http.response.pathsend", "path": os.path.abspath(file.name)}
    return None


def _is_all_of(file: Any, size: int) -> bool:
    """Return whether the file at the path of an open file is that one, and what is sent is all of it."""
    path = file.name
    if not isinstance(path, str) or file.tell():
        return False
    opened = os.fstat(file.fileno())
    if not stat.S_ISREG(opened.st_mode) or opened.st_size != size:
        return False
    try:
        # Another one may have taken its place since it was opened, of another size.
        return os.path.samestat(opened, os.stat(path))
    except OSError:
        return False
