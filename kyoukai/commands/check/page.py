"""The report as one HTML page, with its style inside and without scripts."""

import itertools
from html import escape
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from .text import details, mark, reason, score, unchecked_lines, verdict

if TYPE_CHECKING:
    from kyoukai.testing.report import Report, RuleResult

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
table { border-collapse: collapse; width: 100%; }
caption { font-weight: bold; font-size: 1.2rem; text-align: left; margin-top: 1.5rem; }
td, th { border-bottom: 1px solid #ccc; padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
td:first-child { width: 6rem; white-space: nowrap; } td:nth-child(2) { width: 4rem; }
.ok { color: #17692b; } .broken { color: #b00020; font-weight: bold; } .not-kept { color: #8a5a00; }
dl { margin: 0.3rem 0; display: grid; grid-template-columns: 6rem 1fr; } dd { margin: 0; }
dd { overflow-wrap: anywhere; white-space: pre-wrap; } .why { color: #555; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616; }
  .ok { color: #7bd88f; } .broken { color: #ff7b8a; } .not-kept { color: #e6b450; } .why { color: #aaa; } }
"""

PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="{verdict_class}">{verdict}</p>
<p>{score}. Checked by Kyoukai {version}.</p>
{unchecked}
{tables}
</body>
</html>
"""


def report_page(report: "Report") -> str:
    """Return the page, which needs no other file."""
    groups = itertools.groupby(report.results, lambda result: result.rule.group)
    return PAGE.format(
        title=escape(f"The contract of a backend: {report.backend}"),
        style=STYLE,
        verdict_class="ok" if report.passed else "broken",
        verdict=escape(f"The backend {verdict(report)}."),
        score=escape(score(report)),
        version=escape(version("kyoukai")),
        unchecked="\n".join(f'<p class="why">{escape(line)}</p>' for line in unchecked_lines(report)),
        tables="\n".join(_table(group, list(results)) for group, results in groups),
    )


def _table(group: str, results: "list[RuleResult]") -> str:
    rows = "\n".join(map(_row, results))
    header = '<tr><th scope="col">result</th><th scope="col">rule</th><th scope="col">what</th></tr>'
    return f"<table>\n<caption>{escape(group)}</caption>\n{header}\n{rows}\n</table>"


def _row(result: "RuleResult") -> str:
    word = mark(result)
    what = f"{escape(result.rule.title)} <small>({escape(result.rule.level)})</small>"
    if why := reason(result):
        what += f'<div class="why">{escape(why)}</div>'
    if found := details(result):
        entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in found)
        what += f"<dl>{entries}</dl>"
    css = word.lower().replace(" ", "-")
    return f'<tr><td class="{css}">{escape(word)}</td><td>{escape(result.rule.id)}</td><td>{what}</td></tr>'
