"""The guestbook as guests see it: in a browser, live, on every backend."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from ..conftest import BACKENDS
from ..serving import PATIENCE
from . import browser as browsers
from .conftest import Site, picture_of

# What a script of a guest's would do, if it were ever run.
EVIL = """<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>"""

# Kept before the page has a script of its own: every value that the bar is given while it is shown.
NOTE_PROGRESS = """
window.progress = [];
new MutationObserver(records => records.forEach(({target}) => {
  if (!target.closest("label").hidden) window.progress.push(target.value);
})).observe(document, {subtree: true, attributes: true, attributeFilter: ["value"]});
"""


class Visitor:
    """A page, and all that it complained of."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.complaints: list[str] = []
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.note("error", str(error)))
        page.add_init_script(NOTE_PROGRESS)

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def arrive(self) -> None:
        """Open the page, and mark it: another load of it would not have the mark."""
        self.page.goto("/")
        # The stream of events is open.
        self.page.locator("html[data-live]").wait_for()
        self.page.evaluate("window.mark = true")

    def is_same_page(self) -> bool:
        return bool(self.page.evaluate("window.mark === true && window.evil === undefined"))

    def sign(self, name: str, message: str) -> None:
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Your message").fill(message)
        self.page.get_by_role("button", name="Sign").click()

    def choose(self, data: bytes) -> None:
        # By a path: what is not in a file goes to the browser by way of two others. By another one each
        # time: to choose the same again is no change.
        path = self.folder / f"{len(list(self.folder.glob('*.png')))}.png"
        path.write_bytes(data)
        self.page.get_by_label("A picture").set_input_files(path)


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
def test_guests_in_browsers(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect.set_options(timeout=1000 * PATIENCE)
    with browsers.watched_browser(monkeypatch) as browser:
        with browsers.visit(browser, site.url) as ada_page, browsers.visit(browser, site.url) as bob_page:
            check_with_scripts(Visitor(ada_page, tmp_path), Visitor(bob_page, tmp_path))
        with browsers.visit(browser, site.url, java_script_enabled=False) as page:
            check_without_scripts(page)


def check_with_scripts(ada: Visitor, bob: Visitor) -> None:
    """Two who look at the same time, whose browsers have nothing to complain of."""
    ada.arrive()
    bob.arrive()
    check_live_entries(ada, bob)
    check_upload(ada, bob)
    assert (ada.complaints, bob.complaints) == ([], [])
    check_problems(ada)
    # A browser notes each answer that is an error, whatever is made of it.
    assert all("422" in complaint for complaint in ada.complaints)
    assert bob.complaints == []
    assert ada.is_same_page()
    assert bob.is_same_page()


def check_live_entries(ada: Visitor, bob: Visitor) -> None:
    """What one writes the other sees, and so the other way round, and nobody's page is loaded anew."""
    for writer, reader, text in ((ada, bob, f"from Ada {EVIL}"), (bob, ada, "from Bob")):
        writer.sign(f"{text} herself"[:60], text)
        for page in (reader.page, writer.page):
            entry = page.locator("#entries > li").first
            expect(entry.locator(".message")).to_have_text(text)
        expect(writer.page.locator("output")).to_have_text("Thank you!")
        expect(writer.page.get_by_label("Your message")).to_have_value("")
        expect(reader.page.locator("#entries > li.new")).not_to_have_count(0)
    for visitor in (ada, bob):
        # Each of them once, though both the answer and the events have them.
        assert visitor.page.locator("#entries .message", has_text="from Bob").count() == 1
        expect(visitor.page.locator("#empty")).to_be_hidden()


def check_upload(ada: Visitor, bob: Visitor) -> None:
    """A bar says how far a picture is, and the other sees it."""
    noise = io.BytesIO()
    Image.effect_noise((1024, 1024), 80).save(noise, "PNG")
    throttle(ada.page, 1_000_000)
    ada.page.evaluate("window.progress.length = 0")
    ada.choose(noise.getvalue())
    ada.sign("Ada", "a picture")
    expect(ada.page.locator("output")).to_have_text("Thank you!")
    values = ada.page.evaluate("window.progress")
    assert values == sorted(values)
    assert values[-1] == 100
    assert any(0 < value < 100 for value in values), values
    expect(ada.page.locator("progress")).to_be_hidden()
    picture = bob.page.locator("#entries > li").first.get_by_role("img")
    expect(picture).to_have_attribute("alt", "A picture by Ada")
    picture.scroll_into_view_if_needed()
    bob.page.wait_for_function("picture => picture.naturalWidth === 1024", arg=picture.element_handle())


def throttle(page: Page, rate: int) -> None:
    """Let a page send no more than so many bytes a second: loopback has no time for progress."""
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", conditions)


def check_problems(ada: Visitor) -> None:
    """What the server finds wrong is beside the field, and what was chosen need not be chosen again."""
    page = ada.page
    ada.choose(picture_of())
    ada.sign("   ", "nameless")
    expect(page.locator("#name-problem")).to_have_text("Please write your name.")
    expect(page.get_by_label("Your name")).to_be_focused()
    expect(page.get_by_label("Your message")).to_have_value("nameless")
    assert page.evaluate("document.getElementById('picture').files.length") == 1
    ada.choose(b"no picture")
    ada.sign("Ada", "nameless no more")
    expect(page.locator("#picture-problem")).to_have_text("This is no picture that can be shown here.")
    ada.choose(picture_of() + bytes(10 * 1024 * 1024))
    ada.sign("Ada", "too much")
    too_large = page.evaluate("document.getElementById('picture').validationMessage")
    assert too_large == "This picture is too large."
    ada.choose(picture_of())
    ada.sign("Ada", "at last")
    expect(page.locator("#entries > li .message").first).to_have_text("at last")


def check_without_scripts(page: Page) -> None:
    """The form is posted, and the page of the answer leads to the entry."""
    page.goto("/")
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("Your message").fill("without a script")
    page.get_by_role("button", name="Sign").click()
    expect(page.locator("li:target .message")).to_have_text("without a script")
    expect(page.get_by_label("Your name")).to_have_value("Grace")


def test_without_chromium_it_is_said_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(browsers.NoBrowserError, match="apt-get install -y chromium"):
        browsers.find_chromium()
