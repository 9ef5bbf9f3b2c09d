import functools
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from board import members, store
from board.app import app
from PIL import Image
from werkzeug.security import generate_password_hash

from kyoukai.test_client import BlockingClient

HORSE = "correct horse"


@pytest.fixture
def client(
    kyoukai_client: Callable[..., BlockingClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BlockingClient:
    monkeypatch.setenv("BOARD_DATA", str(tmp_path))
    quick = functools.partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr(members, "generate_password_hash", quick)
    client = kyoukai_client(app)
    members.set_password("ada", HORSE)
    return client


def token(client: BlockingClient, path: str) -> str:
    """Return what the form of a page has hidden in it."""
    found = re.search(r'name="token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def send(client: BlockingClient, path: str, page: str, **fields: Any) -> Any:
    """Send the form of a page."""
    return client.post(path, data={"token": token(client, page), **fields})


def log_in(client: BlockingClient) -> None:
    assert send(client, "/login", "/login", name="ada", password=HORSE).status_code == 303


def picture(size: tuple[int, int] = (40, 30)) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    file.seek(0)
    return file


def test_a_stranger_reads_and_does_not_write(client: BlockingClient) -> None:
    assert "Nothing hangs here yet." in client.get("/").text
    assert client.post("/api/notices", json={"title": "Mine"}).status_code == 403
    assert client.get("/api/notices").json == []


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("bo", HORSE)])
def test_a_wrong_password_opens_nothing(client: BlockingClient, name: str, password: str) -> None:
    answer = send(client, "/login", "/login", name=name, password=password)
    assert (answer.status_code, "do not match" in answer.text) == (403, True)
    assert client.post("/api/notices", json={"title": "Mine"}).status_code == 403


def test_a_member_puts_up_a_notice_and_takes_it_down(client: BlockingClient) -> None:
    log_in(client)
    sent = send(client, "/", "/", title="<b>Tea</b>", text="at five", picture=(picture(), "tea.png"))
    assert sent.status_code == 303
    page = client.get("/").text
    assert "<h2>&lt;b&gt;Tea&lt;/b&gt;</h2>" in page
    [address] = re.findall(r"/pictures/\w+\.webp", page)
    assert client.get(address).mimetype == "image/webp"
    assert send(client, "/notices/1/remove", "/").status_code == 303
    assert client.get("/api/notices").json == []
    assert client.get(address).status_code == 404


def test_the_notice_of_another_member_stays(client: BlockingClient) -> None:
    store.add_notice("bo", store.Draft("Bread"))
    log_in(client)
    assert send(client, "/notices/1/remove", "/").status_code == 404
    assert [notice["title"] for notice in client.get("/api/notices").json] == ["Bread"]


def test_a_form_of_another_site_is_refused(client: BlockingClient) -> None:
    log_in(client)
    assert client.post("/", data={"title": "Spam", "text": "", "token": "guessed"}).status_code == 403
    assert client.post("/api/notices", data='{"title": "Spam"}', content_type="text/plain").status_code == 403
    assert client.get("/api/notices").json == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": ""}, "Expected `str` of length &gt;= 1"),
        ({"title": "Tea", "picture": (io.BytesIO(b"<svg/>"), "tea.png")}, "not a JPEG"),
    ],
)
def test_what_is_wrong_with_a_form(client: BlockingClient, fields: dict[str, Any], problem: str) -> None:
    log_in(client)
    answer = send(client, "/", "/", text="at five", **fields)
    assert (answer.status_code, problem in answer.text) == (422, True)
    assert "at five</textarea>" in answer.text


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ({}, "Object missing required field `title`."),
        ({"title": 3}, "Expected `str`, got `int` - at `$.title`."),
        ({"title": "a" * 81}, "Expected `str` of length <= 80 - at `$.title`."),
    ],
)
def test_json_that_does_not_fit(client: BlockingClient, sent: Any, detail: str) -> None:
    log_in(client)
    answer = client.post("/api/notices", json=sent)
    assert (answer.status_code, answer.json["detail"]) == (422, detail)


def test_an_open_page_is_told(client: BlockingClient) -> None:
    log_in(client)
    with client.websocket("/live") as socket:
        assert client.post("/api/notices", json={"title": "Tea"}).status_code == 201
        assert socket.receive() == "changed"
    assert "<h2>Tea</h2>" in client.get("/list").text
