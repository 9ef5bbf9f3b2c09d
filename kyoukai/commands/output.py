"""What the commands share: tables for a terminal, and where modules are looked for."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns. A row's last cell may be as long as it likes."""
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
    """Return the text of something with all its white space made single spaces."""
    return " ".join(str(text).split())


def app_dir_option(help_text: str) -> Callable[[Any], Any]:
    """Return the option ``--app-dir``, a folder that is put first on Python's path."""

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
