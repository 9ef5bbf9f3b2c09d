"""Headless Chromium, the system's own, driven by Playwright; nothing of it is left behind."""

import base64
import contextlib
import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from ..certificates import write_certificate
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
def chromium(*options: str) -> Iterator[Browser]:
    """Run a browser while the block runs. Every wait of its has an end.

    :param options: further ones of its command line.
    """
    path = find_chromium()
    # Chromium's sandbox is not for root, whom CI often is; it visits nothing but our own pages here.
    args = [*(["--no-sandbox"] if os.geteuid() == 0 else []), *options]
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


def trusted_certificate(folder: Path) -> tuple[dict[str, str], str]:
    """Make a certificate for this machine, of an authority of its own.

    :param folder: where its files are put.
    :return: a server's setting ``ssl``, and the option by which the browser trusts the authority.
    """
    files, authority = write_certificate(folder)
    # With its own certificate in the chain, the authority is known by its key.
    authority.cert_pem.write_to_path(files["certificate"], append=True)
    key = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(encoded).digest()).decode()
    return files, f"--ignore-certificate-errors-spki-list={fingerprint}"


@contextlib.contextmanager
def watched_browser(monkeypatch: pytest.MonkeyPatch, *options: str) -> Iterator[Browser]:
    """Run a browser while the block runs, and wait until all of its processes have ended.

    :param options: further ones of its command line.
    """
    # Its profile is there, by whose path its processes can be told from those of others. The test's own
    # folder has too long a name: there is a Unix socket in a profile.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        try:
            with chromium(*options) as browser:
                assert processes_with(folder) != set()
                yield browser
        except NoBrowserError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        end = time.monotonic() + PATIENCE
        while left := processes_with(folder):
            assert time.monotonic() < end, left
            time.sleep(0.01)


def processes_with(text: str) -> set[str]:
    """Return the commands of the processes that have a text in their command line."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_text("utf-8", "replace").replace("\0", " ")
            if text in command:
                found.add(command)
    return found


def save_picture(data: bytes, target: Path, colours: int) -> None:
    """Write a screenshot for the docs as a small PNG, and print its name and size.

    :param colours: the number of colours that are kept.
    """
    with Image.open(io.BytesIO(data)) as picture:
        picture.convert("RGB").quantize(colours).save(target, optimize=True)
    print(f"wrote {target}, {target.stat().st_size} bytes")
