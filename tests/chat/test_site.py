"""The chat over a real socket, with the library ``websockets`` as the client, on every backend."""

import itertools
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from ..exported.peers import PEERS, REFUSALS
from ..serving import PATIENCE, Client, message
from .conftest import Site, served

NUMBERS = itertools.count(1)

EVIL = """<img src=x onerror="alert('1')">"""


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    """Somebody who looks at pages."""
    with httpx.Client(base_url=site.url, timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.fixture
def room() -> str:
    """The name of a room that no other test has."""
    return f"room {next(NUMBERS)}"


def refusal(site: Site, target: str, **options: Any) -> int:
    """Return the status that a WebSocket is refused with."""
    with pytest.raises(InvalidStatus) as caught, site.open(target, **options):
        pass
    return caught.value.response.status_code


def handshake(target: str) -> bytes:
    """Return a request for a WebSocket."""
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return message(
        "GET", target, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key
    )


def address_of(site: Site) -> tuple[str, int]:
    """Return where a chat is served."""
    url = httpx.URL(site.url)
    return url.host, url.port or 80


# The page


def test_the_page(browser: httpx.Client) -> None:
    answer = browser.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_has_no_foreign_or_inline_resources(browser: httpx.Client) -> None:
    page = browser.get("/").text
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)[^>]*>", page) == []
    assert re.findall(r"<style|style=|\son\w+=|javascript:|https?:", page) == []
    targets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(targets) == 3
    for target in targets:
        assert browser.get(target).status_code == 200


def test_every_field_has_a_label(browser: httpx.Client) -> None:
    page = browser.get("/").text
    fields = set(re.findall(r'<input id="([^"]+)"', page))
    assert fields == set(re.findall(r'<label for="([^"]+)"', page)) == {"name", "room-name", "text"}


def test_messages_are_not_rendered_as_html(browser: httpx.Client) -> None:
    script = browser.get("/static/chat.js").text
    code = re.sub(r"//.*", "", script)
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|DOMParser", code) == []


def test_the_page_has_the_limits_of_the_server(browser: httpx.Client, load: Any) -> None:
    words = load("words")
    lengths = dict(re.findall(r'<input id="([^"]+)"[^>]* maxlength="(\d+)"', browser.get("/").text))
    assert lengths == {"name": str(words.MAX_NAME), "room-name": "40", "text": str(words.MAX_TEXT)}
    assert words.is_room("x" * 40)
    assert not words.is_room("x" * 41)


def test_room_url_is_not_a_page(browser: httpx.Client) -> None:
    answer = browser.get("/rooms/tea")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


# Who may come in


def test_a_page_of_this_host_may_connect(site: Site, room: str) -> None:
    with site.enter("Ada", room, origin=site.url) as ada:
        ada.see("Ada")


@pytest.mark.parametrize("origin", ["http://example.org", "https://127.0.0.1", "null"])
def test_page_of_another_host_is_refused(site: Site, room: str, origin: str) -> None:
    assert refusal(site, f"/rooms/{quote(room)}?name=Ada", origin=origin) == 403


@pytest.mark.parametrize("name", ["-", "a%20", "..%2F..", "%3Cb%3E", "x" * 41])
def test_invalid_room_name_is_not_found(site: Site, name: str) -> None:
    assert refusal(site, f"/rooms/{name}?name=Ada") == (403 if REFUSALS in site.lacks else 404)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "Please say who you are."),
        ("?name=", "Please say who you are."),
        (f"?name={'x' * 41}", "A name has 40 characters at most."),
    ],
)
def test_client_without_a_name_gets_a_close_reason(site: Site, room: str, query: str, problem: str) -> None:
    with site.enter("Ada", room) as ada:
        ada.see("Ada")
        with site.open(f"/rooms/{quote(room)}{query}") as nobody:
            assert nobody.closing() == (1008, problem)
        # Nobody else has seen anything of it.
        ada.say("hello")


@pytest.mark.parametrize("after", ["x", "-1", "1e3", "9" * 19, "9" * 5000, ""])
def test_invalid_number_is_ignored(site: Site, room: str, after: str) -> None:
    with site.open(f"/rooms/{quote(room)}?name=Ada&after={after}") as ada:
        ada.see("Ada")


# What is said


def test_message_reaches_all_in_the_room(site: Site, room: str) -> None:
    with site.enter("Ada", room) as ada, site.enter("Bob", room) as bob:
        ada.see("Ada")
        ada.see("Ada", "Bob")
        bob.see("Ada", "Bob")
        ada.send(f" {EVIL}\r\nand more ")
        for person in (ada, bob):
            [said] = person.receive("messages")["messages"]
            assert said.keys() == {"id", "name", "text", "written"}
            # As it was said: what is made of it is the page's affair.
            assert (said["name"], said["text"]) == ("Ada", f"{EVIL}\nand more")
        ada.receive("said")
        bob.say("hello")
        assert ada.hear() == ["hello"]


def test_message_does_not_reach_another_room(site: Site, room: str) -> None:
    with site.enter("Ada", room) as ada, site.enter("Bob", f"{room} again") as bob:
        ada.see("Ada")
        bob.see("Bob")
        ada.say("in the one")
        bob.say("in the other")


def test_people_come_and_go(site: Site, room: str) -> None:
    with site.enter("ada", room) as ada:
        ada.see("ada")
        with site.enter("Bob", room):
            ada.see("ada", "Bob")
            with site.enter("Bob", room):
                ada.see("ada", "Bob")
            ada.see("ada", "Bob")
        ada.see("ada")
        with Client(address_of(site)) as lost:
            lost.send(handshake(f"/rooms/{quote(room)}?name=Eve"))
            assert lost.receive_head().status == 101
            ada.see("ada", "Eve")
            lost.reset()
            ada.see("ada")


def test_joining_client_gets_the_last_fifty_messages(site: Site, room: str) -> None:
    with site.enter("Ada", room) as ada:
        ada.see("Ada")
        for number in range(52):
            ada.say(str(number))
        with site.enter("Bob", room) as bob:
            messages = bob.receive("messages")["messages"]
            assert [one["text"] for one in messages] == [str(number) for number in range(2, 52)]
            bob.see("Ada", "Bob")
            ada.see("Ada", "Bob")
        ada.see("Ada")
        with site.enter("Bob", room, after=messages[-3]["id"]) as bob:
            assert bob.hear() == ["50", "51"]
            bob.see("Ada", "Bob")
        with site.enter("Bob", room, after=messages[-1]["id"]) as bob:
            bob.see("Ada", "Bob")


# What is no message


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("", "This is not JSON."),
        ("hello", "This is not JSON."),
        ('{"text": "hello"', "This is not JSON."),
        ("[" * 10_000, "This is not JSON."),
        ("1" * 5_000, "This is not JSON."),
        (b"\xff", "This is not JSON."),
        ("null", "A message is an object with a text."),
        ('{"text": {"text": "hello"}}', "A message is an object with a text."),
        ('{"text": NaN}', "A message is an object with a text."),
        ('{"text": "\\ud800 \\u0000"}', "There is nothing in this message."),
        (json.dumps({"text": "x" * 1001}), "This has 1001 characters; 1000 are the most."),
    ],
)
def test_invalid_message_gets_only_an_error(site: Site, room: str, sent: Any, problem: str) -> None:
    with site.enter("Ada", room) as ada, site.enter("Bob", room) as bob:
        ada.see("Ada")
        ada.see("Ada", "Bob")
        bob.see("Ada", "Bob")
        ada.socket.send(sent)
        assert ada.receive("problem")["text"] == problem
        ada.say("hello")
        assert bob.hear() == ["hello"]


def test_the_longest_message(site: Site, room: str) -> None:
    text = "\U0001f375" * 1000
    with site.enter("Ada", room) as ada:
        ada.see("Ada")
        ada.say(text)
        with site.enter("Bob", room) as bob:
            assert bob.hear() == [text]


def test_client_with_a_too_large_message_is_closed(site: Site, room: str) -> None:
    with site.enter("Ada", room) as ada, site.enter("Bob", room) as bob:
        ada.see("Ada")
        ada.see("Ada", "Bob")
        bob.send("x" * 40_000)
        assert bob.closing()[0] == 1009
        ada.see("Ada")
        ada.say("hello")


# Who does not read, and the stop


def test_slow_reader_is_closed_and_delays_no_other(site: Site, room: str) -> None:
    text = "\U0001f375" * 1000
    # Compressed, a thousand of the same are nothing.
    slowly: dict[str, Any] = {"max_queue": 1, "compression": None}
    with site.enter("Ada", room) as ada, site.enter("Slow", room, **slowly) as slow:
        ada.see("Ada")
        ada.see("Ada", "Slow")
        names = ["Ada", "Slow"]
        # How much the buffers on the way hold is the system's affair: some megabytes.
        for _ in range(10_000):
            ada.send(text)
            kind = ""
            while kind != "said":
                received = json.loads(ada.socket.recv(PATIENCE))
                kind, names = received["type"], received.get("names", names)
            if names == ["Ada"]:
                break
        assert names == ["Ada"]
        # It gets what was sent to it before, and is told why that is all.
        assert slow.closing() == (1013, "You read too slowly.")
        with site.enter("Slow", room) as back:
            assert back.hear() == [text] * 50
            back.see("Ada", "Slow")


@pytest.mark.our_wire("Others tell of a stop after WebSockets have ended, and end them in their own ways.")
def test_stop_closes_all_and_messages_survive_a_restart(copied: Path, backend: str) -> None:
    with served(copied, backend) as site:
        with site.enter("Ada", "tea") as ada, site.enter("Bob", "tea") as bob:
            ada.see("Ada")
            ada.see("Ada", "Bob")
            ada.say("before")
            site.process.send(signal.SIGTERM)
            assert ada.closing()[0] == 1001
            assert bob.closing()[0] == 1001
        assert site.process.finish() == 0, site.process.log
    check_history(copied, backend)


@pytest.mark.parametrize("server_name", PEERS)
def test_messages_survive_a_restart(copied: Path, server_name: str) -> None:
    with served(copied, server_name) as site:
        with site.enter("Ada", "tea") as ada:
            ada.see("Ada")
            ada.say("before")
        site.process.send(signal.SIGTERM)
        assert site.process.finish() == 0, site.process.log
    check_history(copied, server_name)


def check_history(folder: Path, server: str) -> None:
    """Check that what was said before is there still, and that more can be said."""
    with served(folder, server) as site, site.enter("Ada", "tea") as ada:
        assert ada.hear() == ["before"]
        ada.see("Ada")
        ada.say("after")
