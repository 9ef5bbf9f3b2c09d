import functools
import re
from typing import Any

import pytest
from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.serving.application import BodyPlan
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai
from kyoukai.web.mounts import split_path
from kyoukai.web.wsgi import make_environ

from .asking import ask, environ_of


@Request.application
def places(request: Request) -> Response:
    """Answer with where the application thinks that it is."""
    environ = request.environ
    return Response(f"{request.method} {environ['SCRIPT_NAME']!r} {environ['PATH_INFO']!r}")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    pass


class Asynchronous:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        pass


def said(response: Response) -> str:
    assert response.status_code == 200
    # The body may come by a thread.
    assert isinstance(response.response, list)
    return response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "rest", "split"),
    [
        ("/old", None, ("/old", "")),
        ("/old/", None, ("/old", "/")),
        ("/old/", "", ("/old", "/")),
        ("/old/a", "a", ("/old", "/a")),
        ("/old/a/", "a/", ("/old", "/a/")),
        ("/old//a//b", "/a//b", ("/old", "//a//b")),
        ("/a/old/b/c", "b/c", ("/a/old", "/b/c")),
        ("/", "", ("", "/")),
        ("/a", "a", ("", "/a")),
        ("//a", "a", ("", "/a")),
        ("//old/a", "a", ("/old", "/a")),
        ("/old/\xc3\xa9", "é", ("/old", "/\xc3\xa9")),
        ("/\xc3\xa9/\xff/b", "�/b", ("/\xc3\xa9", "/\xff/b")),
    ],
)
def test_split_path(path: str, rest: str | None, split: tuple[str, str]) -> None:
    assert split_path(path, rest) == split


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/old", "'/old' ''"),
        ("/old/", "'/old' '/'"),
        ("/old/a/b", "'/old' '/a/b'"),
        ("/old//a", "'/old' '//a'"),
        ("/old/%0A", r"'/old' '/\n'"),
        ("/old/%C3%A9", "'/old' '/é'"),
        ("/parts/ada/old/a", "'/parts/ada/old' '/a'"),
    ],
)
def test_mount_prefix(path: str, expected: str) -> None:
    app = Kyoukai("app")
    app.mount("/old", places)
    app.add_child(Blueprint("parts", prefix="/parts/<name>")).mount("/old", places)
    answer = said(ask(app, path))
    assert answer.encode("latin-1").decode() == f"GET {expected}" or answer == f"GET {expected}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
def test_mount_takes_every_method(method: str) -> None:
    app = Kyoukai("app")
    app.mount("/old", places)
    assert said(ask(app, "/old/a", method)).startswith(method)


def test_routes_take_precedence_over_mounts() -> None:
    app = Kyoukai("app")
    app.mount("/", places)

    @app.route("/new/<int:number>")
    async def new(ctx: HTTPRequestContext, number: int) -> str:
        return f"new {number}"

    assert said(ask(app, "/new/1")) == "new 1"
    assert said(ask(app, "/new/x")) == "GET '' '/new/x'"
    assert said(ask(app, "/new/1", "POST")) == "POST '' '/new/1'"
    assert said(ask(app, "/")) == "GET '' '/'"


def test_innermost_mount_answers() -> None:
    app = Kyoukai("app")
    app.mount("/", places)
    app.mount("/old", places)
    app.mount("/old/older", places)
    assert said(ask(app, "/older")) == "GET '' '/older'"
    assert said(ask(app, "/old/a")) == "GET '/old' '/a'"
    assert said(ask(app, "/old/older/a")) == "GET '/old/older' '/a'"


def test_urls() -> None:
    app = Kyoukai("app")
    app.mount("/old-shop", places)
    app.add_child(Blueprint("parts", prefix="/parts")).mount("/x", places, endpoint="legacy")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> list[str]:
        return [
            ctx.url_for("old_shop"),
            ctx.url_for("old_shop", rest="a/b c"),
            ctx.url_for("parts.legacy", rest="a"),
        ]

    assert ask(app).get_json() == ["/old-shop", "/old-shop/a/b%20c", "/parts/x/a"]


def test_hooks_and_error_handlers_apply_to_mounts() -> None:
    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError(environ["PATH_INFO"])

    app = Kyoukai("app")
    app.mount("/fails", failing)

    @app.before_request
    async def before(ctx: HTTPRequestContext) -> str | None:
        return "stopped" if ctx.request.path.endswith("/stop") else None

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> None:
        response.headers["X-After"] = "yes"

    @app.errorhandler(ValueError)
    async def handle(ctx: HTTPRequestContext, error: ValueError) -> str:
        return f"failed: {error}"

    response = ask(app, "/fails/a")
    assert (response.status_code, response.headers["X-After"]) == (500, "yes")
    assert response.get_data() == b"failed: /a"
    assert said(ask(app, "/fails/stop")) == "stopped"


def test_an_error_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def failing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError("secret")

    app = Kyoukai("app")
    app.mount("/fails", failing)
    response = ask(app, "/fails")
    assert response.status_code == InternalServerError.code
    assert b"secret" not in response.get_data()
    (record,) = caplog.records
    assert record.name == "kyoukai.web"


def test_the_environ_is_a_copy() -> None:
    environ = environ_of("/old/a", "POST", data=b"body")
    environ |= {
        "kyoukai.protocol": object(),
        "werkzeug.request": object(),
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    del environ["CONTENT_LENGTH"]
    environ["wsgi.input"].read()
    before = environ.copy()
    own = make_environ(environ, "a", {"name": "x"})
    assert environ == before
    assert (own["SCRIPT_NAME"], own["PATH_INFO"], own["CONTENT_LENGTH"]) == ("/old", "/a", "4")
    assert own["wsgi.input"].read() == b"body"
    assert own["wsgiorg.routing_args"] == ((), {"name": "x"})
    assert not {"kyoukai.protocol", "werkzeug.request", "HTTP_TRANSFER_ENCODING"} & set(own)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("/a", None), {}, "an application of ASGI or WSGI must be a function, not None"),
        (
            ("/a", asgi),
            {"threads": 3},
            f"threads is an option for WSGI; {__name__}.asgi is an ASGI application",
        ),
        (("/a", places), {"lifespan": "on"}, f"lifespan is an option for ASGI; {__name__}.places is"),
        (("/a", places), {"websocket": {}}, "websocket is an option for ASGI"),
        (("/a", places), {"interface": "cgi"}, "interface is 'cgi'; it must be 'asgi' or 'wsgi'"),
        (("/a", Asynchronous()), {"interface": "wsgi"}, "is a coroutine function, not a WSGI application"),
        (("a", places), {}, "start with '/' and not end with it: 'a'"),
        (("/a/", places), {}, "start with '/' and not end with it: '/a/'"),
        (("", places), {}, "start with '/' and not end with it: ''"),
        (("/a", places), {"threads": 0}, "threads must be an int above 0, not 0"),
        (("/a", places), {"threads": True}, "threads must be an int above 0, not True"),
        (("/a", places), {"endpoint": "a.b"}, "no dot in it, not 'a.b'"),
    ],
)
def test_unmountable_objects(arguments: Any, options: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Kyoukai("app").mount(*arguments, **options)
    assert said in str(caught.value)


def test_two_mounts_at_one_prefix() -> None:
    app = Kyoukai("app")
    app.mount("/a", places, endpoint="one")
    app.mount("/a", functools.partial(places), endpoint="two")
    name = re.escape(f"the application {__name__}.places mounted at '/a'")
    reason = f" '/a' is answered by {name} already, and {name} would never be called for it$"
    with pytest.raises(ConfigurationError, match=reason):
        app.finalize()


def test_two_mounts_of_one_name() -> None:
    app = Kyoukai("app")
    app.mount("/old-shop", places)
    with pytest.raises(ConfigurationError) as caught:
        app.mount("/old_shop", places)
    name = f"the application {__name__}.places mounted at '/old"
    assert str(caught.value) == (
        f"the endpoint 'old_shop' is {name}-shop' already; give {name}_shop' another by endpoint=..."
    )


def test_options_of_its_routes() -> None:
    app = Kyoukai("app")
    app.mount("/old", places, stream=True, max_body_size=5)
    app.mount("/other", places)
    for path in ("/old", "/old/a"):
        assert app.receive_head(environ_of(path, "POST")) == BodyPlan(True, 5)
    assert app.receive_head(environ_of("/other/a", "POST")) is None
    with pytest.raises(ConfigurationError, match=r"stream of the route .* must be True or False"):
        app.mount("/third", places, stream="yes")  # type: ignore[arg-type]
