"""The catalogue of the corpus, made from its TOML files when the pages are built.

`cases.md` has two directives: ``case-filter`` makes the form that ``_static/cases.js`` works, and
``cases FILE`` lists the cases of one file. Each case is a ``<details>`` whose id is the case's name, so
the list can be read, searched and linked to without JavaScript.
"""

import re
from fnmatch import fnmatchcase
from html import escape
from importlib import resources
from typing import ClassVar, Final

from case_html import all_cases, case_html, files, statuses
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGE: Final = "reference/cases"

REFUSALS: Final = "reference/refusals"
"""The page whose anchors are the identifiers of refusals."""

LEVELS: Final = ("MUST", "SHOULD", "HARDENING")

LINKED: Final = ("explanation/peers", "how-to/http2", "reference/http", "reference/refusals")
"""Pages whose names of cases become links into the catalogue."""


class Cases(SphinxDirective):
    """The cases of one file."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the cases."""
        # They change with the corpus, and not with the page.
        path = resources.files("kyoukai.testing.corpus") / self.arguments[0]
        self.env.note_dependency(str(path))
        html = "".join(map(case_html, files()[self.arguments[0]]["case"]))
        if REFUSALS not in self.env.found_docs:
            html = re.sub(r'<a href="refusals.html#[^"]+">(.*?)</a>', r"\1", html)
        return [nodes.raw("", html, format="html")]


class CaseFilter(SphinxDirective):
    """The form that filters the cases; hidden until its script runs."""

    form: ClassVar = """\
<form class="case-filter" role="search" aria-label="Cases" hidden>
<label>Text <input type="search" name="q" placeholder="name, bytes, reason"></label>
{selects}
<output aria-live="polite"></output> <button type="reset">Show all</button>
</form>
<script defer src="../_static/cases.js"></script>
"""

    def run(self) -> list[nodes.Node]:
        """Return the form."""
        choices = {
            "section": [file["title"] for file in files().values()],
            "level": LEVELS,
            "status": sorted({status for case in all_cases() for status in statuses(case)}),
        }
        selects = "\n".join(
            f'<label>{name.title()} <select name="{name}"><option value="">all</option>'
            + "".join(f'<option value="{escape(value)}">{label(value)}</option>' for value in values)
            + "</select></label>"
            for name, values in choices.items()
        )
        return [nodes.raw("", self.form.format(selects=selects), format="html")]


def label(value: str) -> str:
    """Return how the form calls a value."""
    return "no answer" if value == "none" else escape(value)


def link_cases(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a link of each name of a case, or pattern of names, on the pages that have many."""
    if page not in LINKED or app.builder.format != "html":
        return
    names = [case["name"] for case in all_cases()]
    base = app.builder.get_relative_uri(page, PAGE)
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        if "-" not in text or isinstance(literal.parent, nodes.reference):
            continue
        if text in names:
            target = f"{base}#{text}"
        elif "*" in text and any(fnmatchcase(name, text) for name in names):
            target = f"{base}?q={text}"
        else:
            continue
        literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=target, internal=True))


def check_names(app: Sphinx) -> None:
    """Check that no case has the anchor of a section.

    :raises ValueError: if a case has the anchor of a section.
    """
    sections = {re.sub(r"[^\w\- ]", "", file["title"].lower()).replace(" ", "-") for file in files().values()}
    if twice := sections & {case["name"] for case in all_cases()}:
        raise ValueError(f"cases have the names of sections: {', '.join(sorted(twice))}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    app.add_directive("cases", Cases)
    app.add_directive("case-filter", CaseFilter)
    app.connect("builder-inited", check_names)
    app.connect("doctree-resolved", link_cases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
