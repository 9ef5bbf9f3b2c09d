"""The command line, by Click: the page of the commands, and the manual page ``kyoukai.1``."""

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from unittest import mock

import click
from click.testing import CliRunner

from kyoukai import cli
from kyoukai.commands.run_options import TableOption

ROOT: Final = Path(__file__).resolve().parent.parent

WIDTH: Final = 100


def commands(
    command: click.Command = cli.main, above: click.Context | None = None, name: str = "kyoukai"
) -> Iterator[tuple[str, click.Context]]:
    """Yield the name and the context of each command, those with commands of their own first."""
    context = click.Context(
        command,
        info_name=name,
        parent=above,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield context.command_path, context
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from commands(command.commands[child], context, child)


def help_of(context: click.Context) -> str:
    """Return the help of a command; without the options of ``run`` where another command has all of them."""
    text = context.command.get_help(context)
    if context.info_name == "config":
        head, _, rest = text.partition("\nApplication:\n")
        return f"{head}\n[the options of kyoukai run]\n\nHelp:\n{rest.rpartition('Help:')[2].lstrip(chr(10))}"
    return text


def output(folder: str, *arguments: str) -> str:
    """Return what a command prints in a folder of the checkout.

    :raises RuntimeError: if it fails.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("KYOUKAI_")}
    with (
        contextlib.chdir(ROOT / folder),
        mock.patch.dict(os.environ, others, clear=True),
        mock.patch.dict(sys.modules),
        mock.patch.object(sys, "path", sys.path.copy()),
    ):
        result = CliRunner().invoke(cli.main, list(arguments))
    if result.exit_code:
        raise RuntimeError(result.output)
    return result.stdout


def routes_output() -> str:
    """Return the routes of an example."""
    return output("examples/docs", "routes", "hosts.py")


def config_output() -> str:
    """Return some of the settings in effect for an example."""
    text = output("examples/hello", "config", "config.yaml", "--backend", "h2")
    lines = text.splitlines()
    groups = ("Addresses", "HTTP", "Limits")
    starts = [index for index, line in enumerate(lines) if not line.startswith(" ")]
    shown = lines[:1]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if lines[start] in groups:
            shown += lines[start:end]
        elif start and shown[-1] != "…":
            shown.append("…")
    return "".join(f"{line}\n" for line in shown)


def sections(outputs: dict[str, str]) -> str:
    """Return a section for each command: its help, and an example of what it prints.

    :param outputs: the examples by the names of commands, each as it is typed and what it prints.
    """
    parts = []
    for path, context in commands():
        parts.append(f"## {path}\n\n```text\n{help_of(context).rstrip()}\n```\n")
        if path in outputs:
            parts.append(f"For example:\n\n```text\n{outputs[path]}```\n")
    return "\n".join(parts)


def escape(text: str) -> str:
    """Return a text as roff has it."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def man_page(version: str) -> str:
    """Return the manual page, in roff."""
    lines = [
        '.\\" Made by docs/update.py.',
        f'.TH KYOUKAI 1 "" "Kyoukai {escape(version)}" "Kyoukai"',
        ".SH NAME",
        "kyoukai \\- serve and examine applications over HTTP",
    ]
    for path, context in commands():
        lines += [f'.SH "{escape(path.upper() if path == "kyoukai" else path)}"', *_synopsis(path, context)]
        lines += _paragraphs(inspect.cleandoc(context.command.help or ""))
        if path != "kyoukai config":
            lines += _options(context)
    lines += [
        ".SH ENVIRONMENT",
        "Each option of",
        ".B kyoukai run",
        "has a variable: \\-\\-max\\-threads is KYOUKAI_MAX_THREADS. An empty variable sets nothing.",
        ".SH EXIT STATUS",
        "0: success; 1: an error, or a broken rule of the contract; 2: wrong usage; 128 and the number of the"
        " signal that ended it.",
    ]
    return "\n".join(lines) + "\n"


def _synopsis(path: str, context: click.Context) -> list[str]:
    rest = " ".join(context.command.collect_usage_pieces(context))
    return [".PP", f".B {escape(path)}", f".I {escape(rest)}"]


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.splitlines()
        verbatim = bool(lines) and lines[0].strip() == "\b"
        yield ".PP"
        if verbatim:
            yield ".nf"
            yield from (escape(line) for line in lines[1:])
            yield ".fi"
        else:
            yield from (escape(line.strip()) for line in lines if line.strip())


def _options(context: click.Context) -> Iterator[str]:
    group = ""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or not record[1]:
            continue
        found = parameter.row.group if isinstance(parameter, TableOption) else ""
        if found != group:
            group = found
            yield f'.SS "{escape(found or "Other options")}"'
        yield from (".TP", f"\\fB{escape(record[0])}\\fR", escape(record[1]))
