"""Makes the picture of the guestbook in the docs: ``python -m tests.guestbook.screenshot``."""

import io
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Page

from .browser import chromium, save_picture, visit
from .conftest import ROOT, copy_to, served

TARGET = ROOT / "docs" / "images" / "guestbook.png"
SIZE = {"width": 760, "height": 1080}


def landscape() -> bytes:
    """Return a picture of hills in the evening."""
    picture = Image.new("RGB", (900, 300))
    draw = ImageDraw.Draw(picture)
    for y in range(300):
        draw.line([(0, y), (900, y)], (250 - y // 3, 200 - y // 4, 150 + y // 6))
    draw.ellipse([620, 60, 700, 140], (255, 240, 200))
    for base, color in ((200, (110, 125, 140)), (235, (75, 100, 105)), (265, (47, 80, 75))):
        hills = [(x, base - ((x * base // 37) % 97 - 48) ** 2 // 60) for x in range(0, 931, 30)]
        draw.polygon([(0, 300), *hills, (900, 300)], color)
    output = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(2)).save(output, "PNG")
    return output.getvalue()


def sign(page: Page, name: str, message: str, picture: bytes | None = None) -> None:
    """Write an entry, and wait until it is there."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your message").fill(message)
    if picture is not None:
        file = {"name": "hills.png", "mimeType": "image/png", "buffer": picture}
        page.get_by_label("A picture").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Sign").click()
    page.locator("#entries > li", has_text=message.partition("\n")[0]).wait_for()


def main() -> None:
    """Serve a guestbook, let guests write into it, and take the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(copy_to(Path(folder)), "httptools") as site,
        chromium() as browser,
        visit(browser, site.url, viewport=SIZE, reduced_motion="reduce") as page,
    ):
        page.goto("/")
        sign(page, "Ada", "I was here, and I shall come again.")
        sign(page, "Noor", "The hills behind your house.", landscape())
        sign(page, "Bertil", "What a lovely place!\nGreetings from the north, <b>by hand</b>.")
        page.reload()
        page.get_by_role("img").first.scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every(image => image.complete)")
        page.evaluate("scrollTo(0, 0)")
        # The times would be other ones in every picture.
        page.evaluate("document.querySelectorAll('time').forEach(t => t.textContent = '23 November 2026')")
        data = page.screenshot(full_page=True)
    save_picture(data, TARGET, 128)


if __name__ == "__main__":
    main()
