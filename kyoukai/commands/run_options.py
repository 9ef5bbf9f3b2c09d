"""The options of ``kyoukai run`` for Click: made from the table, and grouped as in it."""

from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from kyoukai.commands.completion import complete_backend
from kyoukai.commands.kinds import Kind
from kyoukai.commands.option import Option
from kyoukai.commands.options import OPTIONS, TABLE
from kyoukai.core.errors import ConfigurationError


class Value(click.ParamType):  # type: ignore[type-arg]
    """The Click type of a kind of values.

    :param kind: the kind.
    """

    name = "value"

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what a shell offers for a value that has been begun."""
        if self.kind.choices:
            wanted = incomplete.lower()
            return [
                CompletionItem(choice) for choice in self.kind.choices if choice.lower().startswith(wanted)
            ]
        if param.name == "backend":
            return complete_backend(ctx, param, incomplete)
        if self.kind.metavar in ("FILE", "FOLDER", "PATH") and param.name != "root_path":
            return [CompletionItem(incomplete, type="dir" if self.kind.metavar == "FOLDER" else "file")]
        return []

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of a text."""
        flag = param.opts[0] if param is not None else self.name
        try:
            return self.kind.parse(flag, value) if isinstance(value, str) else value
        except ConfigurationError as error:
            raise click.UsageError(str(error), ctx) from error


class TableOption(click.Option):
    """The Click option of a row of the table.

    :param row: the row.
    """

    def __init__(self, row: Option) -> None:
        self.row = row
        kind, flag = row.kind, row.flag
        default = f"  [default: {row.default}]" if row.default and row.default != "false" else ""
        described: dict[str, Any] = {"help": f"{row.help}{default}", "default": None}
        if kind.switch:
            super().__init__([f"{flag}/--no-{flag[2:]}", row.name], is_flag=True, **described)
            return
        metavar = kind.metavar or f"[{'|'.join(kind.choices)}]"
        super().__init__([flag, row.name], type=Value(kind), metavar=metavar, multiple=kind.many, **described)


class TableCommand(click.Command):
    """A command with options of the table, which its help shows in groups.

    :param rows: the names of the options; ``None``: all of them.
    """

    def __init__(self, *args: Any, rows: Collection[str] | None = None, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += [TableOption(row) for row in OPTIONS if rows is None or row.name in rows]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into the help."""
        groups: dict[str, list[tuple[str, str]]] = {group: [] for group in (*TABLE, "Help")}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                groups[parameter.row.group if isinstance(parameter, TableOption) else "Help"].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def given_options(context: click.Context) -> dict[str, Any]:
    """Return the values that the command line gives, by the options' names."""
    given = {
        option.name: context.params[option.name]
        for option in OPTIONS
        if context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    }
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
