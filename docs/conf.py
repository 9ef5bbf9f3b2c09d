"""How Sphinx builds these pages: ``sphinx-build -W docs docs/_build``."""

from importlib.metadata import version as installed_version

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
