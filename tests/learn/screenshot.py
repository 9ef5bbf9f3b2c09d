"""Makes the picture of the noticeboard in the docs: ``python -m tests.learn.screenshot``."""

import secrets
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from ..guestbook.browser import chromium, save_picture, visit
from ..guestbook.screenshot import landscape
from ..processes import kyoukai_run
from .pages import ROOT, run_command

TARGET = ROOT / "docs" / "images" / "board.png"
SIZE = {"width": 1100, "height": 900}

NOTICES = (
    ("Bicycle for sale", "Blue, three gears, two owners. 40, or a good cake.\n\nThird floor, left."),
    ("Walk on Sunday", "Over the hills and back. We meet at nine at the gate.", True),
    ("The water is off on Tuesday", "From eight to noon, in the whole house. Fill a kettle."),
    ("Found: one glove", "Grey, left hand, with <b>red</b> thumb. It hangs on the stairs."),
    ("Tea", "At five, in the kitchen."),
)


def put_up(page: Page, title: str, text: str, has_picture: bool = False) -> None:
    """Fill in the form, and wait until the notice hangs there."""
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text").fill(text)
    if has_picture:
        file = {"name": "hills.png", "mimeType": "image/png", "buffer": landscape()}
        page.get_by_label("Picture").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Put up").click()
    page.get_by_role("heading", name=title).wait_for()


def main() -> None:
    """Serve a board, put up notices, see that another page shows each, and take the picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "tutorial"
        shutil.copytree(
            ROOT / "examples" / "tutorial", folder, ignore=shutil.ignore_patterns("data", "step?")
        )
        environ = {
            "BOARD_KEY": secrets.token_hex(),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "PATH": "/usr/bin:/bin",
        }
        run_command("python -m board.members ada", folder, 0, environ, "correct horse\n")
        arguments = ("board.app:app", "--port", "0", "--workers", "2")
        with (
            kyoukai_run(*arguments, folder=folder, environ=environ) as server,
            chromium() as browser,
            visit(browser, server.url, viewport=SIZE, reduced_motion="reduce") as page,
            visit(browser, server.url) as other,
        ):
            other.goto("/")
            page.goto("/login")
            page.get_by_label("Name").fill("ada")
            page.get_by_label("Password").fill("correct horse")
            page.get_by_role("button", name="Log in").click()
            for notice in NOTICES:
                put_up(page, *notice)
                # It has been there all the while, and is not loaded again.
                other.get_by_role("heading", name=notice[0]).wait_for()
            page.wait_for_function("[...document.images].every(image => image.complete)")
            data = page.screenshot(full_page=True)
    save_picture(data, TARGET, 128)


if __name__ == "__main__":
    main()
