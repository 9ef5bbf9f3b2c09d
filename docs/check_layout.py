"""Says which pages are wider than the window, in Chromium, for a telephone and for a desktop.

``python docs/check_layout.py FOLDER``, where FOLDER is what ``sphinx-build`` wrote; 1 is the status where
there is one. A page that is wider has to be moved to and fro to be read.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

# From the root of the checkout: the tests know how to find the browser.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.guestbook.browser import chromium, visit

WIDTHS = (420, 1200, 1920)
"""Pixels."""


def wide_pages(folder: Path) -> Iterator[str]:
    """Yield a line for each page and width where the page is wider than the window."""
    pages = sorted(folder.rglob("*.html"))
    if not pages:
        yield f"{folder} has no pages"
    with chromium() as browser:
        for width in WIDTHS:
            with visit(browser, folder.as_uri(), viewport={"width": width, "height": 1000}) as page:
                for path in pages:
                    page.goto(path.as_uri())
                    needed = page.evaluate("document.documentElement.scrollWidth")
                    if needed > width:
                        yield f"{path.relative_to(folder)} needs {needed} pixels of {width}"


if __name__ == "__main__":
    lines = list(wide_pages(Path(sys.argv[1]).resolve()))
    print(*lines, sep="\n")
    sys.exit(bool(lines))
