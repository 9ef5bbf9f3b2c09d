"""Marks long cells and tables of explanations, so that wide tables can be read on a telephone.

A cell with much text gets the class ``long`` and keeps a width that can be read. A table of names whose last
column explains them gets the class ``explained``: on a telephone the text is below the name and its values.
"""

from docutils import nodes
from sphinx.application import Sphinx

EXPLAINING = ("meaning", "is", "what", "what it is", "what is owed", "use it", "why", "cases", "in")
"""Headings of last columns that have a text about the row."""


def mark(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Add the classes."""
    for table in doctree.findall(nodes.table):
        rows = list(table.findall(nodes.row))
        for entry in table.findall(nodes.entry):
            # Code is broken between its words, or not at all.
            texts = [text for text in entry.findall(nodes.Text) if not isinstance(text.parent, nodes.literal)]
            if sum(len(text.astext()) for text in texts) > 24:
                entry["classes"].append("long")
        if rows and len(rows[0]) >= 3 and rows[0][-1].astext() in EXPLAINING:
            table["classes"].append("explained")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add what marks them."""
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
