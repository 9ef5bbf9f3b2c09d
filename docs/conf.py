"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``."""

import runpy
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.util import logging

project = "Kyoukai"
author = "The Kyoukai developers"
version = release = installed_version("kyoukai")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px"}
html_static_path = ["_static"]
html_css_files = ["pages.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_maximum_signature_line_length = 80

# This folder is no package, and need not be on the path.
reference = runpy.run_path(str(Path(__file__).with_name("reference_pages.py")))
listed = {name for names in reference["pages"]().values() for name in names}
logger = logging.getLogger("kyoukai.docs")


def complete_docstring(app, what, name, obj, options, lines):
    """Warn of a docstring that another package has written (-W: an error), and append the example."""
    text = "\n".join(lines)
    if not reference["is_own"](text):
        logger.warning("the docstring of %s is another package's: %.60r", name, text)
    if name in listed:
        reference["print_example"](name, lines)


def shorten_signature(app, what, name, obj, options, signature, returned):
    """Leave out the parameters that a protocol's class, which nobody calls, has from typing."""
    if what == "class" and signature == "(*args, **kwargs)":
        return "", returned
    return None


def setup(app):
    app.connect("autodoc-process-docstring", complete_docstring)
    app.connect("autodoc-process-signature", shorten_signature)
