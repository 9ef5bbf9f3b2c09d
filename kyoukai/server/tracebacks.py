"""Tracebacks of an application's own errors, without the frames of the code that imports it."""

import importlib
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import click

OWN: Final = (
    str(Path(__file__).resolve().parent.parent),
    str(Path(click.__file__).parent),
    importlib.__path__[0],
    "<frozen importlib",
)
"""File name prefixes of frames that do not belong to the user's code."""


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame in the user's code; ``None`` if there is none."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OWN):
        trace = trace.tb_next
    return trace


def format_users_part(error: BaseException) -> str:
    """Return an exception with its traceback, from the first frame in the user's code."""
    return "".join(traceback.format_exception(type(error), error, users_part(error.__traceback__)))
