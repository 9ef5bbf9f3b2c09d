"""The report for a terminal: a line for each rule, and the evidence below each broken one."""

import itertools
from typing import TYPE_CHECKING, Final

import click

from ..output import columns, one_line

if TYPE_CHECKING:
    from kyoukai.testing.report import Report, RuleResult

SHOWN_SIZE: Final = 120
"""The most bytes shown of the input that broke a rule."""

COLOURS: Final = {"ok": "green", "BROKEN": "red", "not kept": "yellow"}

MARKS: Final = {"kept": "ok", "inapplicable": "does not apply", "unchecked": "not checked"}

MARK_WIDTH: Final = max(map(len, MARKS.values()))


def mark(result: "RuleResult") -> str:
    """Return the result of a rule in a word or two; only required rules are ``BROKEN``."""
    if result.outcome == "broken":
        return "BROKEN" if result.rule.level == "required" else "not kept"
    return MARKS.get(result.outcome, result.outcome)


def reason(result: "RuleResult") -> str:
    """Return why a rule does not apply, or which other broken rule broke it; otherwise an empty text.

    :func:`unchecked_lines` has the reasons why rules were not checked, each of which holds for many.
    """
    if result.cause:
        return f"see {result.cause}"
    return one_line(result.message) if result.outcome == "inapplicable" else ""


def shown_bytes(data: bytes) -> str:
    """Return the first :data:`SHOWN_SIZE` bytes as a Python literal."""
    if len(data) <= SHOWN_SIZE:
        return repr(data)
    return f"{data[:SHOWN_SIZE]!r}... ({len(data)} bytes)"


def details(result: "RuleResult") -> list[tuple[str, str]]:
    """Return the evidence for a broken rule: headings and texts."""
    if result.outcome != "broken" or result.cause:
        return []
    found = [("owed", result.rule.statement), ("found", result.message)]
    found.append(("bytes", shown_bytes(result.data) if result.data else ""))
    found += [("expected", result.expected), ("source", result.rule.source)]
    return [(heading, text.strip()) for heading, text in found if text]


def score(report: "Report") -> str:
    """Return one line with the numbers of rules that were checked, kept, broken and not checked."""
    kept, broken, not_kept = (
        report.count("kept"),
        report.count("broken", "required"),
        report.count("broken", "optional"),
    )
    came = [(kept, "kept"), (broken, "broken"), (not_kept, "optional not kept")]
    rest = [
        (report.count("inapplicable"), "do not apply"),
        (report.count("unchecked"), "not checked"),
        (report.count("untestable"), "untestable"),
    ]
    looked_at = f"{kept + broken + not_kept} rules checked"
    found = ", ".join(f"{count} {word}" for count, word in came if count)
    return ", ".join([looked_at, *(f"{count} {word}" for count, word in rest if count)]) + (
        f": {found}" if found else ""
    )


def verdict(report: "Report") -> str:
    """Return whether the backend keeps the contract, as far as it was checked."""
    if not report.passed:
        return "does not keep the contract"
    is_all = report.count("kept") and not report.count("unchecked")
    return "keeps the contract" if is_all else "keeps what was checked of the contract"


def unchecked_lines(report: "Report") -> list[str]:
    """Return a line for each reason why rules were not checked."""
    reasons: dict[str, list[str]] = {}
    for result in report.results:
        if result.outcome == "unchecked":
            reasons.setdefault(one_line(result.message), []).append(result.rule.id)
    return [f"not checked: {', '.join(rules)}: {why}" for why, rules in reasons.items()]


def report_lines(report: "Report") -> list[str]:
    """Return the whole report."""
    lines = []
    for group, results in itertools.groupby(report.results, lambda result: result.rule.group):
        lines.append(click.style(group, bold=True))
        for result in results:
            lines += _result_lines(result)
        lines.append("")
    name = report.backend
    lines += [f"{name}: {line}" for line in unchecked_lines(report)]
    return [*lines, f"{name}: {score(report)}", f"{name} {verdict(report)}"]


def _result_lines(result: "RuleResult") -> list[str]:
    word = mark(result)
    cell = click.style(word.ljust(MARK_WIDTH), fg=COLOURS.get(word))
    why = f" ({text})" if (text := reason(result)) else ""
    line = f"  {cell}  {result.rule.id:<6} {result.rule.title}{why}"
    rows = []
    for heading, text in details(result):
        # A whole conversation may be many lines.
        for number, piece in enumerate(text.splitlines()):
            rows.append((heading if not number else "", piece))
    return [line, *(f"      {row}" for row in columns(rows))]
