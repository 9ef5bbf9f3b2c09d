"""The chat as people see it: in browsers, on every backend, and while the server starts anew."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..conftest import HTTP2
from ..guestbook import browser as browsers
from ..serving import PATIENCE
from .conftest import Site, served
from .relay import Relay, relaying

# What a script of somebody's would do, if it were ever run.
EVIL = """<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>"""

ENTERED = r'"GET /rooms/[^"]+ HTTP/2" 200 '
"""The line of a log about a WebSocket by HTTP/2."""

PROTOCOL = "performance.getEntriesByType('navigation')[0].nextHopProtocol"


class Visitor:
    """A page, and all that it complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.note("error", str(error)))

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def enter(self, name: str, room: str) -> None:
        """Enter a room by the form."""
        self.page.goto("/")
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Room").fill(room)
        self.page.get_by_role("button", name="Enter").click()
        expect(self.page.get_by_role("heading", name=room)).to_be_visible()
        expect(self.page.get_by_role("button", name="Send")).to_be_enabled()

    def say(self, text: str) -> None:
        """Say something, and wait until the server has it."""
        field = self.page.get_by_label("Your message")
        field.fill(text)
        self.page.get_by_role("button", name="Send").click()
        expect(field).to_have_value("")

    def sees_people(self, *names: str) -> None:
        expect(self.page.locator("#people li")).to_have_text(list(names))

    def sees_messages(self, *texts: str) -> None:
        expect(self.page.locator("#messages p")).to_have_text(list(texts))

    def is_unharmed(self) -> bool:
        return bool(self.page.evaluate("window.evil === undefined && !document.querySelector('#room img')"))


@contextlib.contextmanager
def visitor(browser: Browser, place: Relay | Site) -> Iterator[Visitor]:
    """Open a page as somebody with nothing in common with others, while the block runs."""
    with browsers.visit(browser, place.url) as page:
        yield Visitor(page)


def test_people_in_browsers(copied: Path, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expect.set_options(timeout=1000 * PATIENCE)
    with relaying() as relay, browsers.watched_browser(monkeypatch) as browser:
        with visitor(browser, relay) as ada, visitor(browser, relay) as bob:
            with served(copied, backend) as site:
                relay.lead_to(site.url)
                check_talk(ada, bob)
                check_presence_and_history(browser, relay, ada)
                check_problems(ada)
                assert (ada.complaints, bob.complaints) == ([], [])
                relay.target = None
                site.process.send(signal.SIGTERM)
                assert site.process.finish() == 0, site.process.stderr
            check_return(copied, backend, relay, ada, bob)
            assert ada.is_unharmed()
            assert bob.is_unharmed()
        check_refusal(copied, backend, relay, browser)


def test_people_by_http2(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page and WebSocket come by one connection (RFC 8441), and mean the same."""
    expect.set_options(timeout=1000 * PATIENCE)
    files, trusts = browsers.trusted_certificate(tmp_path)
    settings = {f"ssl.{name}": path for name, path in files.items()}
    with (
        served(copied, HTTP2, **settings) as site,
        browsers.watched_browser(monkeypatch, trusts) as browser,
    ):
        with visitor(browser, site) as ada, visitor(browser, site) as bob:
            check_talk(ada, bob)
            for each in (ada, bob):
                assert each.page.evaluate(PROTOCOL) == "h2"
                assert each.complaints == []
                assert each.is_unharmed()
        site.process.wait_for(ENTERED, count=2)


def check_talk(ada: Visitor, bob: Visitor) -> None:
    """What one says both see, and nothing in it is taken for HTML."""
    ada.enter(f"Ada{EVIL}"[:40], "Tea room")
    bob.enter("Bob", "Tea room")
    for each in (ada, bob):
        each.sees_people(f"Ada{EVIL}"[:40], "Bob")
    ada.say(f"from Ada {EVIL}")
    bob.say("from Bob")
    for each in (ada, bob):
        each.sees_messages(f"from Ada {EVIL}", "from Bob")


def check_presence_and_history(browser: Browser, relay: Relay, ada: Visitor) -> None:
    """A third one sees what was said before, and is gone when the page is closed."""
    with visitor(browser, relay) as eve:
        eve.enter("Eve", "Tea room")
        eve.sees_messages(f"from Ada {EVIL}", "from Bob")
        ada.sees_people(f"Ada{EVIL}"[:40], "Bob", "Eve")
        eve.page.close()
        ada.sees_people(f"Ada{EVIL}"[:40], "Bob")
        assert eve.complaints == []


def check_problems(ada: Visitor) -> None:
    """What is wrong with a message is said, and the message is left to be mended."""
    field = ada.page.get_by_label("Your message")
    field.fill("   ")
    ada.page.get_by_role("button", name="Send").click()
    expect(ada.page.locator("#say output")).to_have_text("There is nothing in this message.")
    expect(field).to_have_value("   ")
    expect(ada.page.get_by_role("button", name="Send")).to_be_enabled()


def check_return(folder: Path, backend: str, relay: Relay, ada: Visitor, bob: Visitor) -> None:
    """Pages wait for a server that is away, and see what was said before they were back."""
    for each in (ada, bob):
        expect(each.page.locator("#state")).to_have_text("Not connected. Trying again …")
        expect(each.page.get_by_role("button", name="Send")).to_be_disabled()
        each.sees_people()
    ada.page.get_by_label("Your message").fill("not sent yet")
    while relay.turned_away < 3:
        # Three times in all: one of the two has failed, waited longer, and failed again.
        ada.page.wait_for_event("websocket")
    with served(folder, backend) as site, site.enter("Eve", "Tea room", after=2) as eve:
        eve.see("Eve")
        eve.say("before you were back")
        relay.lead_to(site.url)
        for each in (ada, bob):
            each.sees_messages(f"from Ada {EVIL}", "from Bob", "before you were back")
            each.sees_people(f"Ada{EVIL}"[:40], "Bob", "Eve")
            expect(each.page.locator("#state")).to_have_text("")
        expect(ada.page.get_by_label("Your message")).to_have_value("not sent yet")
        ada.page.get_by_role("button", name="Send").click()
        bob.sees_messages(f"from Ada {EVIL}", "from Bob", "before you were back", "not sent yet")


def check_refusal(folder: Path, backend: str, relay: Relay, browser: Browser) -> None:
    """One whom the server does not let in is told why, and is not brought back again and again."""
    with served(folder, backend) as site, visitor(browser, relay) as ada:
        relay.lead_to(site.url)
        ada.page.goto("/")
        ada.page.get_by_label("Your name").fill("   ")
        ada.page.get_by_label("Room").fill("Tea room")
        ada.page.get_by_role("button", name="Enter").click()
        expect(ada.page.locator("#enter output")).to_have_text("Please say who you are.")
        expect(ada.page.get_by_role("textbox", name="Room")).to_have_value("Tea room")
        assert ada.complaints == []
