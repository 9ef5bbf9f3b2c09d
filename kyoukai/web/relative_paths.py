"""Relative paths of an application's files: from the folder of the module that names them.

Where a process is started has no say in it, as with Flask's ``static_folder``.
"""

import os
import sys
from typing import TypeVar

PACKAGE = __name__.partition(".")[0]

Given = TypeVar("Given")


def beside_caller(path: Given) -> Given | str:
    """Return a path, a relative one from the folder of the module that calls this package.

    Code without a file, such as that of an interactive session, has the current directory.

    :param path: of a file or a directory. Anything else is returned as it is.
    """
    if not isinstance(path, (str, os.PathLike)) or os.path.isabs(path):
        return path
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        frame = frame.f_back
    file = frame.f_globals.get("__file__", "")
    return os.path.join(os.path.dirname(os.path.abspath(file)) if file else os.getcwd(), path)
