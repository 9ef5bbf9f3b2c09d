"""What the page for those who come from 2.2 says of behaviour is so."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai import Blueprint, ConfigurationError, HTTPRequestContext, Kyoukai, KyoukaiComponent

from .serving import Answer, Running, message, running
from .test_docs import DOCS

PAGE = (DOCS / "how-to" / "migration.md").read_text("utf-8")


def make_app() -> Kyoukai:
    """Return an application that does whatever the page speaks of."""
    app = Kyoukai("shop")
    shelf = app.add_child(Blueprint("shelf", prefix="/shelf"))
    items = shelf.add_child(Blueprint("items", prefix="/items"))

    for path, value in {"str": "<b>", "empty": "", "list": [], "none": None}.items():
        app.route(f"/{path}", endpoint=path)(lambda ctx, value=value: value)

    @app.route("/thread")
    def thread(ctx: HTTPRequestContext) -> str:
        return str(threading.current_thread() is server_thread[0])

    @app.route("/loop")
    async def loop(ctx: HTTPRequestContext) -> str:
        server_thread[:] = [threading.current_thread()]
        return type(ctx.proto).__name__ + " " + ctx.environ["SERVER_NAME"]

    @app.route("/json", methods=["POST"])
    async def json(ctx: HTTPRequestContext) -> dict[str, Any]:
        return {"json": ctx.request.get_json(), "form": ctx.request.form}

    @app.route("/options", methods=["GET", "OPTIONS"])
    async def options(ctx: HTTPRequestContext) -> str:
        return ctx.request.method

    @items.route("/show/")
    async def show(ctx: HTTPRequestContext) -> str:
        return " ".join(map(ctx.url_for, ["str", "shelf.items.show"]))

    @items.route("/fail")
    async def fail(ctx: HTTPRequestContext) -> None:
        raise NotFound

    @app.before_request
    async def stop(ctx: HTTPRequestContext) -> str | None:
        return "stopped" if "stop" in ctx.request.args else None

    @app.errorhandler(404)
    async def missing(ctx: HTTPRequestContext, error: NotFound) -> str:
        return "missing"

    async def note(name: str, response: Response) -> None:
        response.headers["X-Hooks"] = f"{response.headers.get('X-Hooks', '')}{name} "

    app.after_request(lambda ctx, response: note("app", response))
    items.after_request(lambda ctx, response: note("items", response))
    return app


server_thread: list[threading.Thread] = []


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(app=make_app()) as server:
        yield server


def ask(server: Running, target: str, method: str = "GET", *fields: str, body: bytes | None = None) -> Answer:
    return server.request(message(method, target, *fields, body=body), method)


def test_bodies(server: Running) -> None:
    page = ask(server, "/str")
    assert (page.body, page.fields["content-type"]) == (b"<b>", "text/html; charset=utf-8")
    assert (ask(server, "/empty").status, ask(server, "/list").body) == (200, b"[]")
    assert ask(server, "/none").status == 204
    answer = ask(server, "/json", "POST", "Content-Type: application/json", body=b"[1]")
    assert answer.body == b'{"json":[1],"form":{}}'


def test_functions(server: Running) -> None:
    assert ask(server, "/loop").body == b"KyoukaiProtocol 127.0.0.1"
    assert ask(server, "/thread").body == b"False"
    assert ask(server, "/shelf/items/show/").body == b"/str /shelf/items/show/"


def test_hooks_and_errors(server: Running) -> None:
    assert ask(server, "/str?stop").body == b"stopped"
    assert ask(server, "/nothing?stop").body == b"stopped"
    assert ask(server, "/shelf/items/show/").fields["x-hooks"] == "items app"
    failed = ask(server, "/shelf/items/fail")
    assert (failed.status, failed.body, failed.fields["x-hooks"]) == (404, b"missing", "items app")
    assert ask(server, "/nothing").fields["x-hooks"] == "app"


def test_missing_handler(server: Running) -> None:
    assert ask(server, "/shelf/items/show").status == 308
    assert ask(server, "/str", "OPTIONS").status == 200
    assert ask(server, "/options", "OPTIONS").body == b"OPTIONS"
    assert ask(server, "/str").fields["server"] == "kyoukai"
    assert "x-powered-by" not in ask(server, "/str").fields
    listener = KyoukaiComponent(make_app()).entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("127.0.0.1",), 8000)


def two_routes(app: Kyoukai) -> None:
    for name in "ab":
        app.route("/", endpoint=name)(lambda ctx: None)
    app.finalize()


def two_handlers(app: Kyoukai) -> None:
    for path in "ab":
        app.route(f"/{path}", endpoint="one")(lambda ctx: None)


def other_variables(app: Kyoukai) -> None:
    app.route("/<number>")(lambda ctx, name: None)
    app.finalize()


def two_places(app: Kyoukai) -> None:
    items = app.add_child(Blueprint("items"))
    app.add_child(Blueprint("shelf")).add_child(items)


def unknown_setting(app: Kyoukai) -> None:
    KyoukaiComponent(app, ip="127.0.0.1")


@pytest.mark.parametrize("mistake", [two_routes, two_handlers, other_variables, two_places, unknown_setting])
def test_mistakes_are_refused_at_the_start(mistake: Any) -> None:
    with pytest.raises(ConfigurationError):
        mistake(Kyoukai("shop"))


def test_nothing_is_added_later() -> None:
    app = Kyoukai("shop")
    app.finalize()
    with pytest.raises(RuntimeError):
        app.route("/")(lambda ctx: None)


def test_the_loggers_are_ours() -> None:
    (row,) = re.findall(r"(?m)^\| names of loggers \|.*$", PAGE)
    configuration = (DOCS / "reference" / "configuration.md").read_text("utf-8")
    assert all(f"| `{name}` |" in configuration for name in re.findall(r"`(kyoukai\.\w+)`", row))
