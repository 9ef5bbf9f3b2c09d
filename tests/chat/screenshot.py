"""Makes the picture of the chat in the docs: ``python -m tests.chat.screenshot``."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from ..guestbook.browser import chromium, save_picture, visit
from ..serving import PATIENCE
from .conftest import ROOT, copy_to, served

TARGET = ROOT / "docs" / "images" / "chat.png"
SIZE = {"width": 760, "height": 560}

TALK = (
    ("Ada", "Is anyone here?"),
    ("Noor", "Yes, since this morning. Bertil has just entered."),
    ("Bertil", "Hello! Is this still here after a restart of the server?"),
    ("Ada", "Yes: the page reconnects, and asks for what it has missed."),
)
"""Who says what."""


def enter(page: Page, name: str) -> None:
    """Enter the room by the form."""
    page.goto("/")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Room").fill("harbour")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


def main() -> None:
    """Serve a chat, let three people talk, and take the picture of the first one's page."""
    expect.set_options(timeout=1000 * PATIENCE)
    options = {"viewport": SIZE, "reduced_motion": "reduce"}
    with (
        tempfile.TemporaryDirectory() as folder,
        served(copy_to(Path(folder)), "httptools") as site,
        chromium() as browser,
        visit(browser, site.url, **options) as ada,
        visit(browser, site.url) as noor,
        visit(browser, site.url) as bertil,
    ):
        pages = {"Ada": ada, "Noor": noor, "Bertil": bertil}
        for name, page in pages.items():
            enter(page, name)
        for number, (name, text) in enumerate(TALK, 1):
            pages[name].get_by_label("Your message").fill(text)
            pages[name].get_by_role("button", name="Send").click()
            expect(ada.locator("#messages p")).to_have_count(number)
        expect(ada.locator("#people li")).to_have_count(len(pages))
        # The times would be other ones in every picture.
        ada.evaluate("document.querySelectorAll('time').forEach(t => t.textContent = '10:15')")
        data = ada.screenshot(full_page=True)
    save_picture(data, TARGET, 64)


if __name__ == "__main__":
    main()
