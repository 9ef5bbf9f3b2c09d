"""Checks the built pages in Chromium, at the width of a telephone and of two desktops.

``python docs/check_layout.py FOLDER``, where FOLDER is what ``sphinx-build`` wrote. A page that is wider
than the window fails: its readers would scroll sideways for each line. So does a page that loads anything
from another host, and a link that leads to no page or to no place in one. Each failure is one line; the exit
status is 1 if there is one.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# From the root of the checkout: the tests know how to find the browser.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.guestbook.browser import chromium, visit

WIDTHS = (420, 1200, 1920)
"""Pixels."""


def faults(folder: Path) -> Iterator[str]:
    """Yield a line for each page that is too wide, and for each request to another host."""
    pages = sorted(folder.rglob("*.html"))
    if not pages:
        yield f"{folder} has no pages"
    asked: dict[str, None] = {}
    options = {"viewport": {"width": WIDTHS[0], "height": 1000}}
    with chromium() as browser, visit(browser, folder.as_uri(), **options) as page:
        page.on("request", lambda request: asked.setdefault(request.url))
        for path in pages:
            page.goto(path.as_uri())
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 1000})
                needed = page.evaluate("document.documentElement.scrollWidth")
                if needed > width:
                    yield f"{path.relative_to(folder)} needs {needed} pixels of {width}"
    yield from (f"a page asks for {url}" for url in asked if not url.startswith(("file:", "data:")))


def broken_links(folder: Path) -> Iterator[str]:
    """Yield a line for each link within the pages that leads nowhere."""
    texts = {path: path.read_text("utf-8") for path in folder.rglob("*.html")}
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    for path, text in texts.items():
        # A link of another site has a scheme.
        for link in dict.fromkeys(re.findall(r'<a [^>]*href="(?!\w+:)([^"]+)"', text)):
            address, _, anchor = link.partition("#")
            target = (path.parent / address.partition("?")[0]).resolve() if address else path
            if not target.exists() or (anchor and anchor not in anchors.get(target, {anchor})):
                yield f"{path.relative_to(folder)} has a link to {link}, which is not there"


if __name__ == "__main__":
    built = Path(sys.argv[1]).resolve()
    lines = [*broken_links(built), *faults(built)]
    print(*lines, sep="\n")
    sys.exit(bool(lines))
