from collections.abc import Callable
from pathlib import Path

import pytest
from links import app

from kyoukai.test_client import BlockingClient

PAGE = "https://asphalt.readthedocs.io/"


# Each test by both: called in the process, and asked by a socket.
@pytest.fixture(params=[None, "httptools"])
def client(
    kyoukai_client: Callable[..., BlockingClient], tmp_path: Path, request: pytest.FixtureRequest
) -> BlockingClient:
    database = {"url": f"sqlite+aiosqlite:///{tmp_path / 'links.db'}"}
    return kyoukai_client(app, backend=request.param, components={"sqlalchemy": database})


def test_a_link_is_added_and_followed(client: BlockingClient) -> None:
    added = client.post("/links/", json={"name": "docs", "url": PAGE})
    assert (added.status_code, added.location) == (201, "/docs")
    visited = client.get("/docs")
    assert (visited.status_code, visited.location) == (302, PAGE)
    assert client.get("/links/docs").json["url"] == PAGE


def test_names_are_made_up_where_none_is_given(client: BlockingClient) -> None:
    name = client.post("/links/", json={"url": PAGE}).json["name"]
    assert client.get(f"/{name}").location == PAGE


def test_a_name_is_taken_once(client: BlockingClient) -> None:
    assert client.post("/links/", json={"name": "docs", "url": PAGE}).status_code == 201
    refused = client.post("/links/", json={"name": "docs", "url": "https://example.com/"})
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert refused.json["detail"] == "the name is taken"
    assert client.get("/links/docs").json["url"] == PAGE


@pytest.mark.parametrize(
    "link", [[], {}, {"url": "ftp://example.com/"}, {"url": PAGE, "name": "a/b"}, {"url": PAGE, "name": 3}]
)
def test_what_is_refused(client: BlockingClient, link: object) -> None:
    refused = client.post("/links/", json=link)
    assert (refused.status_code, refused.mimetype) == (400, "application/problem+json")
    assert client.get("/links/").json == {"links": [], "next": None}


def test_pages(client: BlockingClient) -> None:
    for number in range(101):
        client.post("/links/", json={"name": f"n{number}", "url": PAGE})
    page = client.get("/links/").json
    assert len(page["links"]) == 100
    rest = client.get(page["next"]).json
    assert [link["name"] for link in rest["links"]] == ["n100"]
    assert rest["next"] is None


def test_a_link_is_removed(client: BlockingClient) -> None:
    client.post("/links/", json={"name": "docs", "url": PAGE})
    assert client.delete("/links/docs").status_code == 204
    assert client.get("/docs").status_code == 404
    assert client.delete("/links/docs").status_code == 404


def test_visits_are_counted_before_the_stop(tmp_path: Path) -> None:
    components = {"sqlalchemy": {"url": f"sqlite+aiosqlite:///{tmp_path / 'links.db'}"}}
    with BlockingClient(app, components=components) as client:
        client.post("/links/", json={"name": "docs", "url": PAGE})
        for _ in range(3):
            client.get("/docs")
    # The stop waited for what counts them.
    with BlockingClient(app, components=components) as client:
        assert client.get("/links/docs").json["visits"] == 3
