"""Makes the pictures of `docs/screenshots`: six pages of the built docs, at three widths.

``python docs/screenshots.py FOLDER``, where FOLDER is what ``sphinx-build`` wrote. They show a reviewer
how the pages look; no page has them. Some are in the dark mode.
"""

import io
import re
import sys
from pathlib import Path
from typing import Final

# From the root of the checkout: the tests know how to find the browser.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image

from tests.guestbook.browser import chromium, visit

TARGET: Final = Path(__file__).resolve().parent / "screenshots"

PAGES: Final = {
    "index": "index.html",
    "quickstart": "learn/quickstart.html",
    "application": "how-to/application.html",
    "configuration": "reference/configuration.html#limits",
    "cases": "reference/cases.html?status=400&q=chunk-size-n*#chunk-size-negative",
    "how-it-works": "explanation/how-it-works.html",
}

WIDTHS: Final = {420: 860, 1200: 1000, 1920: 1080}
"""Pixels: the width of a window, and its height."""

DARK: Final = (("cases", 420), ("configuration", 1200), ("how-it-works", 1920))

MOST: Final = 80 * 1024
"""Bytes of a picture."""


def save(data: bytes, path: Path) -> int:
    """Write a picture with as many colours as fit into its size, and return its size."""
    with Image.open(io.BytesIO(data)) as picture:
        for colours in (128, 64, 32, 16):
            picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
            if path.stat().st_size <= MOST:
                break
    return path.stat().st_size


def main(folder: Path) -> None:
    """Make every picture, and name those that are too large."""
    TARGET.mkdir(exist_ok=True)
    with chromium() as browser:
        for width, height in WIDTHS.items():
            for name, page_name in PAGES.items():
                scheme = "dark" if (name, width) in DARK else "light"
                options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
                with visit(browser, folder.as_uri(), reduced_motion="reduce", **options) as page:
                    page.goto(re.sub(r"^[^?#]*", f"{folder.as_uri()}/" + r"\g<0>", page_name))
                    page.wait_for_function("document.readyState === 'complete'")
                    size = save(page.screenshot(), TARGET / f"{name}-{width}.png")
                print(f"{name}-{width}.png: {size} bytes, {scheme}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
