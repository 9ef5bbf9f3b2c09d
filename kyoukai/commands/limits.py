"""The options of a command that stand for limits: one for each, which says what the limit says."""

import contextlib
import dataclasses
from typing import Any, Final

import click

from kyoukai.core.limits import Limits

LIMITS: Final = {field.name: field for field in dataclasses.fields(Limits)}


def read_number(text: str) -> int | float | str:
    """Return the number that ``text`` is; if it is none, the text, which :class:`Limits` refuses."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


class LimitOption(click.Option):
    """The option of one limit.

    :param field: the limit's, of :class:`Limits`.
    """

    def __init__(self, field: "dataclasses.Field[Any]") -> None:
        meaning, unit = field.metadata["meaning"], field.metadata["unit"]
        default = f"{field.default:g}" if isinstance(field.default, float) else field.default
        super().__init__(
            [f"--{field.name.replace('_', '-')}"],
            type=read_number,
            metavar=unit.upper().replace(" PER ", "/"),
            help=f"{meaning[0].upper()}{meaning[1:]}.  [default: {default}]",
        )


class LimitedCommand(click.Command):
    """A command with an option for each limit. Its help has them in a section of their own."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params += [LimitOption(field) for field in LIMITS.values()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options into the help."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        for title, is_limit in (("Options", False), ("Limits", True)):
            section = [option for option in options if isinstance(option, LimitOption) is is_limit]
            with formatter.section(title):
                formatter.write_dl([record for option in section if (record := option.get_help_record(ctx))])
