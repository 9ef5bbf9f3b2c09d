"""Puts the pages' own SVG pictures into the HTML, where they have the colours of the page.

An image from a file follows the system's preference for light or dark, and not the page's own switch. A
picture that is part of the page follows both, and its title and description reach a screen reader.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx


def inline(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Replace each image of the pages' own pictures by the picture itself."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".svg" and 'class="figure"' in (text := path.read_text("utf-8")):
            svg = re.sub(r"(?s)<style>.*?</style>\n", "", text)
            image.replace_self(nodes.raw("", f'<span class="picture">{svg}</span>', format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add what replaces them."""
    app.connect("doctree-resolved", inline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
