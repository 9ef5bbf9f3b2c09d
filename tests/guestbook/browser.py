"""Headless Chromium, the system's own, driven by Playwright; nothing of it is left behind."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from ..serving import PATIENCE

INSTALL = "apt-get install -y chromium"

# Both names that systems have for it.
NAMES = ("chromium", "chromium-browser")


class NoBrowserError(Exception):
    """There is no Chromium; the text has the command that installs it."""


def find_chromium() -> str:
    """Return the path of the system's Chromium.

    :raises NoBrowserError: if there is none.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowserError(f"this needs Chromium, which is not installed: {INSTALL}")
    return path


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser while the block runs. Every wait of its has an end."""
    path = find_chromium()
    # Chromium's sandbox is not for root, whom CI often is; it visits nothing but our own pages here.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args, timeout=3000 * PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def visit(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open a page as a visitor with nothing in common with others, while the block runs."""
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(1000 * PATIENCE)
    try:
        yield context.new_page()
    finally:
        context.close()
