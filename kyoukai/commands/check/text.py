"""The report for a terminal: a line for each rule, and below a broken one what shows it."""

import itertools
from typing import TYPE_CHECKING, Final

import click

from ..output import columns, one_line

if TYPE_CHECKING:
    from kyoukai.testing.report import Report, RuleResult

SHOWN_SIZE: Final = 120
"""The most bytes that are shown of what a rule was broken with."""

COLOURS: Final = {"ok": "green", "BROKEN": "red", "not kept": "yellow"}

MARK_WIDTH: Final = len("untestable")


def mark(result: "RuleResult") -> str:
    """Return what came of a rule in a word or two; ``BROKEN`` is for required rules alone."""
    if result.outcome == "kept":
        return "ok"
    if result.outcome == "broken":
        return "BROKEN" if result.rule.level == "required" else "not kept"
    return result.outcome


def shown_bytes(data: bytes) -> str:
    """Return bytes as Python writes them, the first :data:`SHOWN_SIZE` of them."""
    if len(data) <= SHOWN_SIZE:
        return repr(data)
    return f"{data[:SHOWN_SIZE]!r}... ({len(data)} bytes)"


def details(result: "RuleResult") -> list[tuple[str, str]]:
    """Return what there is to say of a result beyond its mark, each with a heading."""
    if result.outcome != "broken":
        return []
    found = [("owed", result.rule.statement), ("found", result.message)]
    found.append(("bytes", shown_bytes(result.data) if result.data else ""))
    found += [("expected", result.expected), ("source", result.rule.source)]
    return [(heading, text.strip()) for heading, text in found if text]


def score(report: "Report") -> str:
    """Return in one line how many rules are kept, of those that could be checked."""
    parts = []
    for level in ("required", "optional"):
        kept = report.count("kept", level)
        total = kept + report.count("broken", level)
        share = f" ({100 * kept // total} %)" if total else ""
        parts.append(f"{kept} of {total} {level} rules kept{share}")
    parts += [f"{report.count(outcome)} {outcome}" for outcome in ("skipped", "untestable")]
    return ", ".join(parts)


def report_lines(report: "Report") -> list[str]:
    """Return the whole report."""
    lines = []
    for group, results in itertools.groupby(report.results, lambda result: result.rule.group):
        lines.append(click.style(group, bold=True))
        for result in results:
            lines += _result_lines(result)
        lines.append("")
    verdict = "keeps the contract" if report.passed else "does not keep the contract"
    return [*lines, f"{report.backend}: {score(report)}", f"{report.backend} {verdict}"]


def _result_lines(result: "RuleResult") -> list[str]:
    word = mark(result)
    cell = click.style(word.ljust(MARK_WIDTH), fg=COLOURS.get(word))
    reason = f" ({one_line(result.message)})" if result.outcome == "skipped" and result.message else ""
    line = f"  {cell}  {result.rule.id:<5} {result.rule.title}{reason}"
    rows = []
    for heading, text in details(result):
        # What is found may be many lines, of a whole conversation.
        for number, piece in enumerate(text.splitlines()):
            rows.append((heading if not number else "", piece))
    return [line, *(f"      {row}" for row in columns(rows))]
