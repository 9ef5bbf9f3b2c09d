"""Helpers of the commands: tables for a terminal, and the option ``--app-dir``."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns. The last cell of a row sets no width."""
    everything = [tuple(row) for row in rows]
    widths: dict[int, int] = {}
    for row in everything:
        for index, cell in enumerate(row[:-1]):
            widths[index] = max(widths.get(index, 0), len(cell))
    lines = []
    for row in everything:
        cells = [cell.ljust(widths[index]) for index, cell in enumerate(row[:-1])]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return lines


def one_line(text: object) -> str:
    """Return the text of ``text`` on one line, with single spaces for all white space."""
    return " ".join(str(text).split())


def app_dir_option(help_text: str) -> Callable[[Any], Any]:
    """Return the option ``--app-dir``, which puts a folder first on Python's path."""

    def put_first(context: click.Context, parameter: click.Parameter, value: str) -> str:
        if not context.resilient_parsing:
            sys.path.insert(0, os.path.abspath(value))
        return value

    return click.option(
        "--app-dir",
        default=".",
        show_default="the current folder",
        type=click.Path(exists=True, file_okay=False),
        callback=put_first,
        expose_value=False,
        help=help_text,
    )
