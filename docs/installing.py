"""How the pages install Kyoukai: from a checkout, or from the package index. ``install.toml`` says which.

A marker above a fence gives the path of the checkout, seen from the reader's folder. In the fence, the
requirement behind ``pip install`` is written for that path, or for the index::

    <!-- install: ../.. -->
    ```sh
    python3 -m venv .venv && .venv/bin/pip install '../..[websocket]' -r requirements.txt
    ```

``<!-- sections: installing -->`` gets a sentence about where Kyoukai is found, ``installing-beside`` one
for a folder beside the checkout.

``pypi.md`` is the README for the package index: relative links are made absolute.
"""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

ON_PYPI: Final = (
    "Kyoukai is on [PyPI](https://pypi.org/project/kyoukai/): `pip install kyoukai` installs it.\n"
)

SENTENCES: Final = {
    "checkout": (
        "Kyoukai 3 is not on PyPI yet: `pip install kyoukai` would install version 2.2.1. Install it from a\n"
        "checkout of its repository.\n"
    ),
    "index": ON_PYPI,
}

SENTENCES_BESIDE: Final = {
    "checkout": (
        "Kyoukai 3 is not on PyPI yet. Clone [its repository](https://github.com/Fuyukai/Kyoukai) into a\n"
        "folder `kyoukai`, and run the commands below in the folder that contains it.\n"
    ),
    "index": ON_PYPI,
}

# The other comment, if any, is a marker for somebody else, as `command: serve`.
MARKED: Final = re.compile(r"(?ms)^(<!-- install: (\S+) -->\n(?:<!-- [^\n]* -->\n)?(```+)\w*\n)(.*?)^\3$")
PIP: Final = re.compile(r"(?m)(?<=pip install )[^&\n]+")
LINK: Final = re.compile(r"(!?)(\[[^\]]*\]\()(?!https?:|#)([^)\s#]+)")


def source() -> str:
    """Return where the pages install Kyoukai from.

    :raises KeyError: if ``install.toml`` names neither of the two.
    """
    found: str = tomllib.loads((ROOT / "docs" / "install.toml").read_text("utf-8"))["from"]
    SENTENCES[found]
    return found


def render(page: str, source: str) -> str:
    """Return a page whose marked commands install Kyoukai from ``source``.

    :raises ValueError: if a marked fence has no ``pip install`` with Kyoukai.
    """

    def fence(match: re.Match[str]) -> str:
        head, path, ticks, commands = match.groups()
        written = path if source == "checkout" else "kyoukai"
        requirement = re.compile(rf"(?<!\S)('?)(?:{re.escape(path)}|kyoukai)(\[[\w,]+\])?\1(?!\S)")

        def arguments(found: re.Match[str]) -> str:
            return requirement.sub(lambda it: f"{it[1]}{written}{it[2] or ''}{it[1]}", found[0], count=1)

        if not any(requirement.search(found) for found in PIP.findall(commands)):
            raise ValueError(f"no `pip install {path}` or `pip install kyoukai` in {commands!r}")
        return f"{head}{PIP.sub(arguments, commands)}{ticks}"

    return MARKED.sub(fence, page)


def for_the_index(readme: str) -> str:
    """Return the README as the package index shows it: with absolute links, and without markers."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    repository = metadata["urls"]["Repository"]

    def absolute(match: re.Match[str]) -> str:
        image, text, path = match.groups()
        kind = "raw" if image else "tree" if (ROOT / path).is_dir() else "blob"
        return f"{image}{text}{repository}/{kind}/main/{path}"

    text = re.sub(r"(?m)^<!-- .* -->\n", "", LINK.sub(absolute, readme))
    return f"<!-- Made of README.md by docs/update.py. -->\n{text}"
