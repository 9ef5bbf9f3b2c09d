"""What a route says of its bodies, and what a server is told before it reads one."""

from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.serving.application import BodyPlan
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai, Route, RouteGroup
from kyoukai.web.route_group import route

from .asking import ask, environ_of


async def handler(ctx: HTTPRequestContext, **params: Any) -> bytes:
    return await ctx.stream().read()


@pytest.fixture
def app() -> Kyoukai:
    app = Kyoukai("bodies")
    app.route("/memory", methods=["POST"], endpoint="memory")(handler)
    app.route("/stream", methods=["POST"], endpoint="stream", stream=True)(handler)
    below = app.add_child(Blueprint("below", prefix="/below"))
    below.route("/<int:n>", methods=["PUT"], stream=True, max_body_size=5)(handler)
    below.route("/small/", methods=["PUT"], endpoint="small", max_body_size=0)(handler)
    return app


@pytest.mark.parametrize(
    ("method", "path", "plan"),
    [
        ("POST", "/memory", None),
        ("OPTIONS", "/memory", None),
        ("POST", "/stream", BodyPlan(stream=True)),
        ("PUT", "/below/7", BodyPlan(True, 5)),
        ("PUT", "/below/small/", BodyPlan(False, 0)),
        ("PUT", "/below/small", BodyPlan(refused=True)),
        ("PUT", "/below/x", BodyPlan(refused=True)),
        ("PUT", "/stream", BodyPlan(refused=True)),
        ("POST", "/nowhere", BodyPlan(refused=True)),
    ],
)
def test_plans(app: Kyoukai, method: str, path: str, plan: BodyPlan | None) -> None:
    for _ in range(2):
        environ = environ_of(path, method)
        assert app.receive_head(environ) == plan
        assert "werkzeug.request" not in environ


def test_policy_is_asked_about_every_body(app: Kyoukai) -> None:
    assert app.plans_every_body is True
    plain = Kyoukai("plain")
    plain.route("/")(handler)
    assert plain.plans_every_body is False
    with pytest.raises(RuntimeError):
        plain.route("/late", stream=True)(handler)


def test_body_limit_of_a_route() -> None:
    plain = Kyoukai("plain")
    plain.route("/")(handler)
    plain.route("/stream", stream=True)(handler)
    assert plain.largest_body == 0
    sized = Kyoukai("sized")
    sized.route("/small", max_body_size=10)(handler)
    below = sized.add_child(Blueprint("below", prefix="/below"))
    below.route("/large", max_body_size=1000)(handler)
    assert sized.largest_body == 1000


def test_the_applications_request_class() -> None:
    class Overriding(Request):
        def __init__(self, environ: dict[str, Any]) -> None:
            super().__init__(environ)
            self.method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", self.method)

    app = Kyoukai("overriding", request_class=Overriding)
    app.route("/", methods=["PUT"], stream=True)(handler)
    environ = environ_of("/", "POST", headers={"X-HTTP-Method-Override": "PUT"})
    assert app.receive_head(environ) == BodyPlan(stream=True)
    assert "werkzeug.request" not in environ
    assert app.receive_head(environ_of("/", "POST")) == BodyPlan(refused=True)


@pytest.mark.parametrize("debug", [False, True])
def test_wrapped_application_may_redirect_unrouted_requests(debug: bool) -> None:
    class Wrapping(Kyoukai):
        async def process_request(self, request: Request, parent_context: Context) -> Response:
            return await super().process_request(request, parent_context)

    wrapped = Kyoukai("wrapped", debug=debug)
    original = wrapped.process_request

    async def answer(request: Request, parent_context: Context) -> Response:
        return await original(request, parent_context)

    wrapped.process_request = answer  # type: ignore[method-assign]
    for app in (Wrapping("wrapping", debug=debug), wrapped):
        app.route("/", methods=["POST"], stream=True)(handler)
        assert app.receive_head(environ_of("/nowhere", "POST")) is None
        assert app.receive_head(environ_of("/", "POST")) == BodyPlan(stream=True)
    plain = Kyoukai("plain", debug=debug)
    assert plain.receive_head(environ_of("/nowhere", "POST")) == BodyPlan(refused=True)


def test_hosts() -> None:
    app = Kyoukai("hosts", server_name="example.com")
    api = app.add_child(Blueprint("api", subdomain="api"))
    api.route("/", methods=["POST"], stream=True)(handler)

    def plan(host: str) -> BodyPlan | None:
        return app.receive_head({**environ_of("/", "POST"), "HTTP_HOST": host})

    assert plan("api.example.com") == BodyPlan(stream=True)
    assert plan("example.com") == BodyPlan(refused=True)


def test_a_converter_that_fails() -> None:
    from werkzeug.routing import BaseConverter

    class Failing(BaseConverter):
        def to_python(self, value: str) -> Any:
            raise ZeroDivisionError

    app = Kyoukai("failing", converters={"failing": Failing})
    app.route("/<failing:n>", methods=["POST"], stream=True)(handler)
    assert app.receive_head(environ_of("/1", "POST")) is None


def test_route_groups() -> None:
    class Group(RouteGroup):
        @route("/", methods=["POST"], stream=True, max_body_size=7)
        async def upload(self, ctx: HTTPRequestContext) -> None:
            pass

    app = Kyoukai("groups")
    app.add_route_group(Group())
    assert app.receive_head(environ_of("/", "POST")) == BodyPlan(True, 7)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_invalid_stream(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"stream of the route .* must be True or False, not"):
        Route(handler, "/", stream=value)
    with pytest.raises(ConfigurationError, match="stream"):
        route("/", stream=value)(handler)


@pytest.mark.parametrize("value", [-1, 1.5, "1 MiB", True, 2**54])
def test_invalid_limit(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"max_body_size of the route .* must be a whole number of bytes"
    ):
        Route(handler, "/", max_body_size=value)


@pytest.mark.parametrize("path", ["/memory", "/stream"])
def test_stream_without_a_server_reads_from_memory(app: Kyoukai, path: str) -> None:
    assert ask(app, path, "POST", data=b"hello").data == b"hello"
    assert ask(app, path, "POST").data == b""


def test_a_stream_is_the_same_each_time_and_whole_after_a_form() -> None:
    app = Kyoukai("twice")

    @app.route("/", methods=["POST"])
    async def twice(ctx: HTTPRequestContext) -> list[Any]:
        name = ctx.request.form["name"]
        assert ctx.stream() is ctx.stream()
        return [name, (await ctx.stream().read()).decode(), (await ctx.stream().read()).decode()]

    assert ask(app, "/", "POST", data={"name": "me"}).json == ["me", "name=me", ""]
