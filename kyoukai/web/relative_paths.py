"""Resolves relative paths of an application against the folder of the module that names them.

The current directory does not matter, as for Flask's ``static_folder``.
"""

import os
import sys
from typing import TypeVar

PACKAGE = __name__.partition(".")[0]

Given = TypeVar("Given")


def beside_caller(path: Given) -> Given | str:
    """Return a path; a relative one is resolved against the folder of the module that calls this package.

    For code without a file, such as an interactive session, it is the current directory.

    :param path: the path of a file or a directory. Any other value is returned unchanged.
    """
    if not isinstance(path, (str, os.PathLike)) or os.path.isabs(path):
        return path
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        frame = frame.f_back
    file = frame.f_globals.get("__file__", "")
    return os.path.join(os.path.dirname(os.path.abspath(file)) if file else os.getcwd(), path)
