"""The guestbook over a real socket, as a browser without scripts has it, on every backend."""

import contextlib
import io
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from markupsafe import escape
from PIL import Image

from ..serving import Client
from .conftest import Guest, Site, hidden_token, picture_of, served

EVIL = """<img src=x onerror="alert('1')">"""


@contextlib.contextmanager
def reader_of(site: Site, target: str, *fields: str) -> Iterator[Client]:
    """Read events while the block runs; it begins once the server answers."""
    with connect(site) as client:
        lines = "".join(f"{field}\r\n" for field in fields)
        client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        head = client.receive_head()
        assert (head.status, head.fields["content-type"]) == (200, "text/event-stream")
        client.receive_until(b"retry: 2000\n\n")
        yield client


def connect(site: Site) -> Client:
    """Open a raw connection."""
    url = httpx.URL(site.url)
    return Client((url.host, url.port), by_http2=site.by_http2)


# The page


def test_the_page(guest: Guest) -> None:
    answer = guest.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>\n<html lang=")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert answer.headers["vary"] == "Cookie"
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("target", ["/", "/nothing", "/static/style.css", "/events?after=1"])
def test_every_answer_has_a_content_security_policy(guest: Guest, target: str) -> None:
    with guest.stream("GET", target) as answer:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_respects_its_content_security_policy(guest: Guest) -> None:
    page = guest.get("/").text
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)[^>]*>", page) == []
    assert re.findall(r"<style|style=|\son\w+=|javascript:|https?:", page) == []
    for target in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert guest.get(target).status_code == 200


def test_every_field_has_a_label(guest: Guest) -> None:
    page = guest.get("/").text
    names = set(re.findall(r'<(?:input|textarea) id="([^"]+)"', page))
    assert names == set(re.findall(r'<label for="([^"]+)"', page)) == {"name", "message", "picture"}


def test_an_error_is_a_page(guest: Guest) -> None:
    answer = guest.get("/nothing")
    assert answer.status_code == 404
    assert "<h2>Not Found</h2>" in answer.text
    assert (guest.put("/").status_code, guest.put("/").headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


# The form


def test_an_entry_without_a_script(guest: Guest, other: Guest) -> None:
    answer = guest.sign("  Ada   Lovelace ", "Hello,\r\nall!\x07 ")
    number = guest.number_of(answer)
    assert re.search(
        rf'<li id="entry-{number}">.*?>Ada Lovelace</strong>.*?<p class="message">Hello,\nall!</p>',
        other.get("/").text,
        re.DOTALL,
    )
    assert 'name="name" value="Ada Lovelace"' in guest.get("/").text
    assert 'name="name" value=""' in other.get("/").text


def test_guest_input_is_escaped(site: Site, guest: Guest) -> None:
    number = guest.number_of(guest.sign(EVIL, EVIL, picture_of()))
    page = guest.get("/").text
    assert "<img src=x" not in page
    # In the form, before the entry, and under the picture.
    assert page.count(str(escape(EVIL))) == page.count("onerror") >= 3
    with reader_of(site, f"/events?after={number - 1}") as reader:
        event = reader.receive_until(b"</li>").decode()
    assert "<img src=x" not in event
    assert str(escape(EVIL)) in event


@pytest.mark.parametrize(
    ("name", "message", "problems"),
    [
        ("", "a", {"name": "Please write your name."}),
        (" \t\x00", "a", {"name": "Please write your name."}),
        ("a" * 61, "a", {"name": "This has 61 characters; 60 are the most."}),
        ("a", "\r\n ", {"message": "Please write your message."}),
        ("a", EVIL + "a" * 2000, {"message": f"This has {len(EVIL) + 2000} characters; 2000 are the most."}),
        ("", "", {"name": "Please write your name.", "message": "Please write your message."}),
    ],
)
def test_errors_are_shown_beside_their_fields(
    site: Site, guest: Guest, name: str, message: str, problems: dict[str, str]
) -> None:
    before = guest.get("/").text.partition('<ol id="entries"')[2]
    answer = guest.sign(name, message, picture_of())
    assert answer.status_code == 422
    page = answer.text
    assert dict(re.findall(r'<p class="problem" id="(\w+)-problem">([^<]*)</p>', page)) == problems
    for field in ("name", "message"):
        marked = re.search(rf'<(?:input|textarea) id="{field}"[^>]*aria-invalid="true"', page)
        assert bool(marked) == (field in problems)
    assert page.count('role="alert"') == 1
    # What was written is not lost, and nothing was stored.
    assert str(escape(message.strip())) in page
    assert page.partition('<ol id="entries"')[2] == before


def test_a_field_that_is_missing(guest: Guest) -> None:
    answer = guest.post("/", data={"token": guest.token()})
    assert answer.status_code == 422
    assert 'id="name-problem"' in answer.text


def test_a_form_of_another_site_is_refused(guest: Guest, other: Guest) -> None:
    guest.get("/")
    for token in ("", "x", "ä", other.token()):
        before = guest.get("/").text.count('<li id="entry-')
        answer = guest.post("/", data={"token": token, "name": "Eve", "message": "not <b>mine</b>"})
        assert answer.status_code == 403
        assert 'role="alert">This page was open for too long. Please sign once more.' in answer.text
        assert answer.text.count('<li id="entry-') == before
        assert "\nnot &lt;b&gt;mine&lt;/b&gt;</textarea>" in answer.text
    # The form of that answer is as good as any.
    assert guest.sign("Eve", "mine", token=hidden_token(answer.text)).status_code == 303


def test_without_a_session_no_token_is_right(guest: Guest, other: Guest) -> None:
    token = other.token()
    assert guest.sign("Eve", "no cookie", token=token).status_code == 403
    guest.cookies.clear()
    guest.cookies.set("session", "eyJ0b2tlbiI6ImEifQ.made.up")
    assert guest.sign("Eve", "a cookie of her own", token="a").status_code == 403


def test_older_entries_are_on_pages_of_their_own(guest: Guest) -> None:
    token = guest.token()
    numbers = [guest.number_of(guest.sign("Ada", f"page {i}", token=token)) for i in range(21)]
    newest = guest.get("/").text
    assert [int(number) for number in re.findall(r'<li id="entry-(\d+)"', newest)] == numbers[:0:-1]
    assert f'data-events="/events?after={numbers[-1]}"' in newest
    (older,) = re.findall(r'href="([^"]+)" rel="next">Older entries', newest)
    page = guest.get(older).text
    assert re.findall(r'<li id="entry-(\d+)"', page)[0] == str(numbers[0])
    # Nothing new comes on a page of old ones.
    assert "data-events" not in page
    assert '<a href="/">Newest entries</a>' in page
    for odd in ("x", "-1", "9" * 30, "٣"):
        assert guest.get("/", params={"before": odd}).text.count("<li id=") == 20


# Pictures


def test_a_picture(site: Site, guest: Guest) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by 90 degrees.
    exif[0x010E] = "at home"
    sent = picture_of(1600, 400, "JPEG", exif=exif)
    assert b"at home" in sent
    number = guest.number_of(guest.sign("Ada", "a photograph", sent))
    entry = re.search(rf'<li id="entry-{number}">.*?</li>', guest.get("/").text, re.DOTALL)
    assert entry is not None
    found = re.search(r'<img src="(/pictures/[0-9a-f]{32}\.webp)" width="300" height="1200"', entry[0])
    assert found is not None, entry[0]
    answer = guest.get(found[1])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["cache-control"] == "public, max-age=31536000"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"at home" not in answer.content
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size, len(shown.getexif())) == ("WEBP", (300, 1200), 0)
    part = guest.get(found[1], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert guest.get(found[1], headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_format(guest: Guest, kind: str) -> None:
    assert guest.sign("Ada", kind, picture_of(kind=kind)).status_code == 303


NONE = "This is no picture that can be shown here."
REFUSED = {
    "text": (lambda: b"hello", NONE),
    "a page": (lambda: b"<!doctype html><script>alert(1)</script>", NONE),
    "a page that begins as a picture": (lambda: b"GIF89a/*<script>alert(1)</script>", NONE),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', NONE),
    "another format": (lambda: picture_of(kind="BMP"), NONE),
    "half of one": (lambda: picture_of(400, 300)[:300], NONE),
    "too many pixels": (lambda: picture_of(10_000, 6_000, mode="1"), "This picture is too large."),
    "too many bytes": (
        lambda: picture_of() + bytes(10 * 1024 * 1024),
        "This picture has more than 10 MiB.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_upload_that_is_not_a_picture_is_refused(site: Site, guest: Guest, case: str) -> None:
    make, problem = REFUSED[case]
    before = site.pictures
    answer = guest.sign("Ada", "a picture?", make())
    assert answer.status_code == 422
    assert f'id="picture-problem">{problem}</p>' in answer.text
    assert site.pictures == before


def test_a_body_that_is_far_too_large_is_not_read(site: Site, guest: Guest) -> None:
    token = guest.token()
    with connect(site) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12582913\r\n\r\n")
        assert client.receive().status == 413
    assert guest.sign("Ada", "still there", token=token).status_code == 303


@pytest.mark.parametrize(
    "name", ["none.webp", "..%2fguestbook.db", "%2e%2e/guestbook.db", "..", ".", "%00", "%2fetc%2fpasswd"]
)
def test_nothing_else_is_sent_for_a_picture(site: Site, guest: Guest, name: str) -> None:
    assert (site.folder / "data" / "guestbook.db").exists()
    with connect(site) as client:
        answer = client.request(f"GET /pictures/{name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.status == 404


# Events


def test_new_entry_is_pushed_to_readers(site: Site, guest: Guest, other: Guest) -> None:
    first = guest.number_of(guest.sign("Ada", "before"))
    with reader_of(site, f"/events?after={first}") as reader:
        for text in ("one", "two"):
            number = other.number_of(other.sign("Bob", text))
            event = reader.receive_until(b"</li>\n").decode()
            lines = [line.partition(": ")[2] for line in event.splitlines() if line.startswith("data: ")]
            assert f"event: entry\nid: {number}\ndata: " in event
            # The very piece of the page that a reload would show.
            assert "\n".join(lines) in guest.get("/").text
            assert f'<p class="message">{text}</p>' in event
            assert "before" not in event


def test_reconnecting_reader_gets_missed_entries(site: Site, guest: Guest) -> None:
    token = guest.token()
    first, *others = [guest.number_of(guest.sign("Ada", f"missed {i}", token=token)) for i in range(23)]
    # More than there are on a page; and the page's own address says what it had at first.
    with reader_of(site, "/events?after=0", f"Last-Event-ID: {first}") as reader:
        for number in others:
            assert f"id: {number}\n".encode() in reader.receive_until(b"</li>")


@pytest.mark.our_wire("Others tell of a stop after the last answer, and cut off a stream that does not end.")
def test_readers_do_not_delay_the_stop(copied: Path, backend: str) -> None:
    with served(copied, backend) as site:
        with Guest(site) as guest, reader_of(site, "/events?after=0") as reader:
            guest.sign("Ada", "still here")
            reader.receive_until(b"</li>")
            site.process.send(signal.SIGTERM)
            # The end of a body in chunks: the stream was ended, and not cut off.
            assert reader.receive_rest().endswith(b"\r\n0\r\n\r\n")
        assert site.process.finish() == 0


@pytest.mark.our_wire(
    "Under others the chat's history is asked for at the next start; two starts take seconds."
)
def test_entries_survive_a_restart(copied: Path, backend: str) -> None:
    for _ in range(2):
        with served(copied, backend) as site, Guest(site) as guest:
            guest.number_of(guest.sign("Ada", "once more", picture_of()))
            found = re.findall(r'<img src="([^"]+)"', guest.get("/").text)
            assert [guest.get(target).status_code for target in found] == [200] * len(found)
            site.process.send(signal.SIGTERM)
            assert site.process.finish() == 0
    assert len(found) == 2
