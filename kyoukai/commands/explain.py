"""``kyoukai explain``: what a refusal means, who sends such a request, and what to change."""

import difflib
import textwrap
from typing import TYPE_CHECKING, Any, Final

import click

from .output import columns

if TYPE_CHECKING:
    from collections.abc import Collection

    from click.shell_completion import CompletionItem

    from kyoukai.core.refusals.entry import Refusal

WIDTH: Final = 80
"""Columns of the text."""

NO_STATUS: Final = "no answer"
"""What stands in the place of a status where there is none."""


def complete_identifier(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the identifiers that begin with what is typed, each with its sentence."""
    from click.shell_completion import CompletionItem

    from kyoukai.core.refusals.table import TABLE

    found = [entry for entry in TABLE.values() if entry.identifier.startswith(incomplete)]
    return [CompletionItem(entry.identifier, help=entry.sentence) for entry in found]


@click.command()
@click.argument("identifier", required=False, shell_complete=complete_identifier)
def explain(identifier: str | None) -> None:
    """Explain the refusal IDENTIFIER, such as host-missing.

    Answers of the server that refuse a request, and its log, name such an identifier. Without IDENTIFIER,
    the command lists all refusals.
    """
    from kyoukai.core.refusals.table import GROUPS, TABLE

    if identifier is None:
        for group in GROUPS:
            rows = [(entry.identifier, _status(entry), entry.sentence) for entry in group.refusals]
            click.echo("\n".join([f"{group.title}:", *(f"  {line}" for line in columns(rows)), ""]))
        return
    entry: Any = TABLE.get(identifier.strip("()"))
    if entry is None:
        raise click.ClickException(f"there is no refusal {identifier!r}{_hint(identifier, TABLE)}")
    click.echo("\n".join(_lines(entry)))


def _status(entry: "Refusal") -> str:
    return str(entry.status) if entry.status else NO_STATUS


def _hint(identifier: str, known: "Collection[str]") -> str:
    """Return the end of a message about an unknown identifier: those that may be meant."""
    close = difflib.get_close_matches(identifier, known, n=3, cutoff=0.5)
    within = [name for name in known if identifier and identifier in name]
    names = list(dict.fromkeys([*close, *within]))[:5]
    if not names:
        return "; 'kyoukai explain' lists all"
    return f"; did you mean {', '.join(names)}?"


def _lines(entry: "Refusal") -> list[str]:
    from kyoukai.core.refusals.entry import flat

    parts = [
        ("What was wrong", entry.wrong),
        ("Who sends it", entry.senders),
        ("What to change in the client", entry.client),
        ("What to change in the server", entry.server),
        ("Source", entry.source),
    ]
    lines = [click.style(f"{entry.identifier} ({_status(entry)})", bold=True), entry.sentence]
    for title, text in parts:
        if text:
            indented = textwrap.wrap(
                flat(text), WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
            lines += ["", f"{title}:", *indented]
    return lines
