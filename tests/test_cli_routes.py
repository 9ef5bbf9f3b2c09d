"""`kyoukai routes`: what it lists, and what it says of an application that it cannot look into."""

import json
from pathlib import Path
from typing import Any

import pytest

from .test_cli import fail, folder, succeed

__all__ = ("folder",)

SITE = """
from kyoukai import Blueprint, Kyoukai

app = Kyoukai("site", server_name="example.org")


@app.route("/<name>", ("GET", "POST"))
async def page(ctx, name): ...


@app.websocket("/live")
async def live(ctx, ws): ...


api = Blueprint("api", prefix="/api", subdomain="api")
books = Blueprint("books", prefix="/books", parent=api)
app.add_child(api)


@books.route("/", ("PURGE",))
def purge(ctx): ...


app.static("/static", ".", max_age=60)


def old(environ, start_response): ...
async def new(scope, receive, send): ...
app.mount("/old", old)
app.mount("/new", new, extra_methods="*")


def make():
    return app
"""


@pytest.fixture
def site(folder: Path) -> Path:
    (folder / "site_.py").write_text(SITE)
    return folder


def listed(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(succeed("routes", *arguments, "--json"))
    return found


def test_the_table_has_every_route(site: Path) -> None:
    header, *lines = [line.split() for line in succeed("routes", "site_.py").splitlines()]
    assert header == ["HOST", "RULE", "METHODS", "KIND", "ENDPOINT", "BLUEPRINT", "HANDLER"]
    assert ["/<name>", "GET,", "POST", "route", "page", "site_.page", "(site_.py:7)"] in lines
    assert ["/live", "GET", "websocket", "live", "site_.live", "(site_.py:11)"] in lines
    assert [
        *["api.example.org", "/api/books/", "PURGE", "route", "api.books.purge", "api.books"],
        *["site_.purge", "(site_.py:20)"],
    ] in lines
    assert ["/old", "registered", "wsgi", "old"] in [line[:4] for line in lines]
    assert ["/new", "any", "asgi", "new"] in [line[:4] for line in lines]


def test_the_rows_are_sorted_by_host_and_rule(site: Path) -> None:
    rows = listed("site_.py")
    keys = [(row["host"] or "", row["rule"]) for row in rows]
    assert keys == sorted(keys)
    assert [row["rule"] for row in rows] == [
        "/<name>",
        "/live",
        "/new",
        "/new",
        "/new/<mounted:rest>",
        "/new/<mounted:rest>",
        "/old",
        "/old/<mounted:rest>",
        "/static/<path:filename>",
        "/api/books/",
    ]


def test_a_row_as_json(site: Path) -> None:
    rows = {(row["rule"], row["kind"]): row for row in listed("site_.py")}
    assert rows["/api/books/", "route"] == {
        "rule": "/api/books/",
        "host": "api.example.org",
        "methods": ["PURGE"],
        "kind": "route",
        "endpoint": "api.books.purge",
        "blueprint": "api.books",
        "handler": "site_.purge",
        "file": str(site / "site_.py"),
        "line": 20,
    }
    assert rows["/<name>", "route"]["methods"] == ["GET", "HEAD", "POST"]
    assert rows["/new", "asgi"]["methods"] == ["*"]
    assert rows["/new", "websocket"]["methods"] == ["GET"]
    assert rows["/old", "wsgi"]["handler"] == "the application site_.old mounted at '/old'"
    assert rows["/old", "wsgi"]["line"] == 27
    files = rows["/static/<path:filename>", "static"]
    assert (files["handler"], files["file"], files["line"]) == (
        f"the static directory {str(site)!r}",
        None,
        None,
    )


def test_columns_without_a_value_are_left_out(folder: Path) -> None:
    (folder / "plain.py").write_text(
        "from kyoukai import Kyoukai\napp = Kyoukai('plain')\n@app.get('/')\ndef one(ctx): ...\n"
    )
    header, *rows = succeed("routes", "plain.py").splitlines()
    assert header.split() == ["RULE", "METHODS", "KIND", "ENDPOINT", "HANDLER"]
    assert [row.split() for row in rows] == [["/", "GET", "route", "one", "plain.one", "(plain.py:3)"]]


def test_an_application_without_routes(folder: Path) -> None:
    (folder / "bare.py").write_text("from kyoukai import Kyoukai\napp = Kyoukai('bare')\n")
    assert succeed("routes", "bare.py") == "no routes\n"
    assert succeed("routes", "bare.py", "--json") == "[]\n"


def test_the_application_is_found_as_by_run(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = listed("site_.py")
    assert listed("site_:make", "--factory") == rows
    (site / "config.yaml").write_text("component: {type: kyoukai, app: 'site_:app', backend: no_such}\n")
    assert listed("config.yaml") == rows
    monkeypatch.setenv("KYOUKAI_FACTORY", "yes")
    monkeypatch.setenv("KYOUKAI_PORT", "80")
    assert listed("site_:make") == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("served.py",), "served.py is an application of the class Application, whose routes"),
        (("nowhere.py",), "there is no file 'nowhere.py'"),
        (("site_:nothing",), "module 'site_' has no attribute 'nothing'"),
        (("site_:old",), "site_:old is an application of WSGI, whose routes Kyoukai does not know"),
        (("site_:new",), "site_:new is an application of ASGI, whose routes Kyoukai does not know"),
        (("site_:make",), "set factory, or --factory"),
        (("two.yaml",), "two.yaml has 2 components of the type kyoukai; it must have one, or name"),
        (("none.yaml",), "none.yaml has no components of the type kyoukai"),
        (("clash.py",), "is answered by clash.one already"),
    ],
)
def test_mistakes_are_one_line(site: Path, arguments: tuple[str, ...], message: str) -> None:
    servers = "{a: {type: kyoukai, app: 'site_:app'}, b: {type: kyoukai, app: 'site_:app'}}"
    (site / "two.yaml").write_text(
        f"component: {{type: 'asphalt.core:ContainerComponent', components: {servers}}}\n"
    )
    (site / "none.yaml").write_text("component: {type: 'asphalt.core:ContainerComponent'}\n")
    (site / "clash.py").write_text(
        "from kyoukai import Kyoukai\napp = Kyoukai('clash')\n"
        "@app.get('/')\ndef one(ctx): ...\n@app.get('/')\ndef two(ctx): ...\n"
    )
    assert message in fail("routes", *arguments)
