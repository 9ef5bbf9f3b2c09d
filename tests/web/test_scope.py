import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai

from .asking import ask


class Layers:
    """An application whose hooks note that they are called, in layers."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.app = Kyoukai("app")
        self.outer = Blueprint("outer", prefix="/outer", parent=self.app)
        self.inner = Blueprint("inner", prefix="/inner", parent=self.outer)
        aside = Blueprint("aside", parent=self.app)
        for blueprint in (self.app, self.outer, self.inner, aside):
            for i in (1, 2):
                blueprint.before_request(self.before(f"{blueprint.name}{i}"))
                blueprint.after_request(self.after(f"{blueprint.name}{i}"))
        options: Any = {
            "before": [self.before("route1"), self.before("route2")],
            "after": (self.after("route1"), self.after("route2")),
        }
        self.inner.route("/", **options)(self.handler)
        self.inner.route("/fails", endpoint="fails", **options)(self.failing)

    def before(self, name: str) -> Callable[[HTTPRequestContext], Any]:
        async def hook(ctx: HTTPRequestContext) -> None:
            self.log.append(f"+{name}")

        return hook

    def after(self, name: str) -> Callable[[HTTPRequestContext, Response], Any]:
        async def hook(ctx: HTTPRequestContext, response: Response) -> None:
            self.log.append(f"-{name}")

        return hook

    async def handler(self, ctx: HTTPRequestContext) -> str:
        self.log.append("handler")
        return "handler"

    async def failing(self, ctx: HTTPRequestContext) -> str:
        self.log.append("failing")
        raise Forbidden


NAMES = ["app1", "app2", "outer1", "outer2", "inner1", "inner2", "route1", "route2"]


def around(middle: str, names: list[str] = NAMES) -> list[str]:
    return [*(f"+{name}" for name in names), middle, *(f"-{name}" for name in reversed(names))]


def test_layers_nest() -> None:
    layers = Layers()
    assert ask(layers.app, "/outer/inner/").get_data() == b"handler"
    assert layers.log == around("handler")


def test_hooks_after_see_errors_too() -> None:
    layers = Layers()
    assert ask(layers.app, "/outer/inner/fails").status_code == 403
    assert layers.log == around("failing")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/missing", "GET", 404),
        ("/outer/inner/missing", "GET", 404),
        ("/outer/inner/", "POST", 405),
        ("/outer/inner", "GET", 308),
        ("/outer/inner", "HEAD", 308),
    ],
)
def test_without_a_route_there_are_the_hooks_of_the_application(path: str, method: str, status: int) -> None:
    layers = Layers()
    assert ask(layers.app, path, method).status_code == status
    assert layers.log == ["+app1", "+app2", "-app2", "-app1"]


@pytest.mark.parametrize(("method", "middle"), [("OPTIONS", ""), ("HEAD", "handler")])
def test_replacement_answer_passes_the_hooks_of_the_route(method: str, middle: str) -> None:
    layers = Layers()
    assert ask(layers.app, "/outer/inner/", method).status_code == 200
    assert [entry for entry in layers.log if entry] == [entry for entry in around(middle) if entry]


def test_a_hook_that_answers() -> None:
    layers = Layers()

    @layers.outer.before_request
    async def answer(ctx: HTTPRequestContext) -> tuple[str, int]:
        return "hook", 202

    response = ask(layers.app, "/outer/inner/")
    assert response.status_code == 202
    assert response.get_data() == b"hook"
    assert layers.log == [*around("", NAMES)[:4], *around("", NAMES)[9:]]


def test_a_hook_that_answers_for_a_request_without_a_route() -> None:
    layers = Layers()

    @layers.app.before_request
    async def answer(ctx: HTTPRequestContext) -> tuple[str, int]:
        return "closed", 503

    assert ask(layers.app, "/missing").status_code == 503


def test_a_hook_before_that_raises() -> None:
    layers = Layers()

    @layers.outer.before_request
    async def refuse(ctx: HTTPRequestContext) -> None:
        raise Forbidden

    assert ask(layers.app, "/outer/inner/").status_code == 403
    assert "handler" not in layers.log
    assert layers.log[4:] == around("")[9:]


def test_hooks_that_are_plain_functions_run_in_threads() -> None:
    app = Kyoukai("app")
    threads: list[int] = []

    @app.before_request
    def before(ctx: HTTPRequestContext) -> None:
        threads.append(threading.get_ident())

    @app.after_request
    def after(ctx: HTTPRequestContext, response: Response) -> Response:
        threads.append(threading.get_ident())
        response.headers["X-After"] = "yes"
        return response

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ""

    assert ask(app).headers["X-After"] == "yes"
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_hook_after_replaces_the_response() -> None:
    app = Kyoukai("app")
    closed: list[str] = []
    seen: list[bytes] = []

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        response = Response("first")
        response.call_on_close(lambda: closed.append("first"))
        return response

    @app.after_request
    async def last(ctx: HTTPRequestContext, response: Response) -> None:
        seen.append(response.get_data())

    @app.after_request
    async def amend(ctx: HTTPRequestContext, response: Response) -> tuple[Response, int]:
        return response, 202

    @app.after_request
    async def replace(ctx: HTTPRequestContext, response: Response) -> Response:
        return Response("second " + response.get_data(as_text=True))

    response = ask(app)
    assert response.get_data() == b"second first"
    assert response.status_code == 202
    assert seen == [b"second first"]
    assert closed == ["first"]


@pytest.mark.parametrize("may_read", [False, True])
def test_a_response_is_closed_before_its_successor_unless_that_may_read_it(may_read: bool) -> None:
    app = Kyoukai("app")
    closed: list[int] = []
    # It is sent time and again, and must not gather what it took the place of.
    kept = Response("kept")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        response = Response(iter(["first"]))
        response.call_on_close(lambda: closed.append(1))
        return response

    @app.after_request
    async def replace(ctx: HTTPRequestContext, response: Response) -> Response:
        return Response(map(bytes.upper, response.iter_encoded())) if may_read else kept

    for count in range(3):
        response = ask(app)
        assert len(closed) == count + (not may_read)
        response.close()
        assert len(closed) == count + 1


def test_a_hook_after_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    closed: list[str] = []

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        response = Response("first")
        response.call_on_close(lambda: closed.append("first"))
        return response

    @app.after_request
    async def goes_on(ctx: HTTPRequestContext, response: Response) -> None:
        response.headers["X-Goes"] = "on"

    @app.after_request
    async def fails(ctx: HTTPRequestContext, response: Response) -> None:
        raise ValueError

    response = ask(app)
    assert response.status_code == 500
    assert response.headers["X-Goes"] == "on"
    assert len(caplog.records) == 1
    response.close()
    assert closed == ["first"]


def test_hook_that_returns_an_unsendable_value(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    @app.before_request
    async def wrong(ctx: HTTPRequestContext) -> bool:
        return True

    assert ask(app).status_code == 500
    assert "test_scope.test_hook_that_returns_an_unsendable_value.<locals>.wrong returned" in caplog.text
