"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``."""

import runpy
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "Kyoukai"
author = "The Kyoukai developers"
version = release = installed_version("kyoukai")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "cases",
    "inline_pictures",
    "wide_tables",
]
exclude_patterns = ["_build", "pypi.md"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"Kyoukai {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
# There is no public repository to link to, and each page's source is Markdown of this folder.
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#9c2f2f", "color-brand-content": "#9c2f2f"},
    "dark_css_variables": {"color-brand-primary": "#f08f80", "color-brand-content": "#f08f80"},
}
pygments_style = "default"
pygments_dark_style = "github-dark"

# The button copies what one types: no prompt, and of a block with prompts no output.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

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
