from typing import Any

import pytest
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response

from kyoukai.core.semantics.methods import METHODS
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai

from .asking import ask


async def index(ctx: HTTPRequestContext, **params: Any) -> str:
    return f"{ctx.request.method} {ctx.params}"


async def other(ctx: HTTPRequestContext, **params: Any) -> str:
    return f"other {ctx.request.method}"


@pytest.fixture
def app() -> Kyoukai:
    app = Kyoukai("app")
    app.route("/")(index)
    app.route("/form", ["GET", "POST"])(index)
    app.route("/form", ["DELETE"], endpoint="delete")(other)
    app.route("/only/<int:x>", ["PUT"], endpoint="put")(index)
    app.route("/branch/", ["GET", "POST"], endpoint="branch")(index)
    return app


def test_params(app: Kyoukai) -> None:
    assert ask(app, "/only/7", "PUT").get_data() == b"PUT {'x': 7}"
    assert ask(app, "/only/x", "PUT").status_code == 404


def test_most_specific_rule_wins_in_any_order() -> None:
    urls = ["/<path:p>", "/<x>", "/a", "/a/<x>", "/a/b", "/a/b/", "/c/", "/<x>/d"]
    paths = {url: url for url in ("/a", "/a/b", "/a/b/", "/c/")}
    paths |= {"/a/c": "/a/<x>", "/a/d": "/a/<x>", "/x": "/<x>", "/x/d": "/<x>/d", "/x/y/z": "/<path:p>"}
    for order in (urls, urls[::-1]):
        app = Kyoukai("app")
        for i, url in enumerate(order):
            app.route(url, endpoint=f"e{i}")(found)
        for path, url in paths.items():
            assert ask(app, path).get_data(as_text=True) == url
        assert ask(app, "/c").status_code == 308
        assert ask(app, "/").status_code == 404


async def found(ctx: HTTPRequestContext, **params: Any) -> str:
    assert dict(ctx.params) == params
    return ctx.rule.rule if ctx.rule is not None else ""


def test_a_rule_with_doubled_slashes() -> None:
    app = Kyoukai("app")
    app.route("/a//b")(found)
    assert ask(app, "/a/b").status_code == 200
    assert ask(app, "/a//b").headers["Location"] == "http://localhost/a/b"


def test_defaults_are_not_shared_by_requests() -> None:
    app = Kyoukai("app")

    @app.route("/", defaults={"x": 1})
    async def handler(ctx: HTTPRequestContext, x: int) -> str:
        params: Any = ctx.params
        params["x"] += 1
        return f"{x}"

    assert ask(app).get_data() == b"1"
    assert ask(app).get_data() == b"1"


def test_missing(app: Kyoukai) -> None:
    response = ask(app, "/missing")
    assert response.status_code == 404
    assert response.get_data().startswith(b"404 Not Found")
    assert ask(app, "/missing", "DELETE").status_code == 404


def test_methods(app: Kyoukai) -> None:
    assert ask(app, "/form", "POST").get_data() == b"POST {}"
    assert ask(app, "/form", "DELETE").get_data() == b"other DELETE"
    response = ask(app, "/form", "PUT")
    assert response.status_code == 405
    assert response.headers.getlist("Allow") == ["DELETE, GET, HEAD, OPTIONS, POST"]
    assert ask(app, "/only/7").headers["Allow"] == "OPTIONS, PUT"


@pytest.mark.parametrize("method", sorted(METHODS - {"GET", "HEAD", "OPTIONS"}))
def test_known_method_without_a_route(app: Kyoukai, method: str) -> None:
    response = ask(app, "/", method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_head_comes_with_get(app: Kyoukai) -> None:
    assert ask(app, "/", "HEAD").get_data() == b"HEAD {}"


def test_automatic_options(app: Kyoukai) -> None:
    response = ask(app, "/form", "OPTIONS")
    assert response.status_code == 200
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
    assert response.get_data() == b""
    assert "Content-Type" not in response.headers
    assert ask(app, "/missing", "OPTIONS").status_code == 404


def test_options_of_a_route(app: Kyoukai) -> None:
    app.route("/form", ["OPTIONS"], endpoint="options")(other)
    assert ask(app, "/form", "OPTIONS").get_data() == b"other OPTIONS"


def test_options_of_the_server(app: Kyoukai) -> None:
    app.route("/", ["OPTIONS"], endpoint="options")(other)
    asterisk = {"PATH_INFO": "", "RAW_URI": "*", "REQUEST_URI": "*"}
    response = ask(app, "/", "OPTIONS", overrides=asterisk)
    assert response.status_code == 200
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    assert response.get_data() == b""
    assert ask(app, "/", "OPTIONS").get_data() == b"other OPTIONS"
    assert ask(Kyoukai("empty"), "/", "OPTIONS", overrides=asterisk).headers["Allow"] == "OPTIONS"


@pytest.mark.parametrize(
    ("path", "query", "options", "location"),
    [
        ("/branch", "", {}, "http://localhost/branch/"),
        ("/branch", "a=1&b=%20%C3%A9&a=2", {}, "http://localhost/branch/?a=1&b=%20%C3%A9&a=2"),
        ("/branch", "a=\xff\xe9%0D", {}, "http://localhost/branch/?a=%FF%E9%0D"),
        ("//branch//", "", {}, "http://localhost/branch/"),
        ("//evil.example/..//form", "", {"base_url": "http://localhost/"}, None),
        (
            "/branch",
            "",
            {"base_url": "https://example.org:8443/app/"},
            "https://example.org:8443/app/branch/",
        ),
        ("/branch", "", {"headers": {"Host": "[::1]:8000"}}, "http://[::1]:8000/branch/"),
    ],
)
def test_redirects(
    app: Kyoukai, path: str, query: str, options: dict[str, Any], location: str | None
) -> None:
    overrides = {"PATH_INFO": path, "QUERY_STRING": query}
    response = ask(app, "/", "POST", overrides=overrides, **options)
    if location is None:
        assert response.status_code == 404
    else:
        assert response.status_code == 308
        assert response.headers["Location"] == location


def test_redirects_stay_on_the_host() -> None:
    app = Kyoukai("app")
    app.route("/<path:p>/")(index)
    response = ask(app, "/", overrides={"PATH_INFO": "//evil.example"})
    assert response.headers["Location"] == "http://localhost/evil.example/"


def test_redirects_with_an_invalid_host(app: Kyoukai) -> None:
    response = ask(app, "/branch", headers={"Host": "a..b"})
    assert response.status_code == 400


def test_loose_slashes() -> None:
    app = Kyoukai("app")
    app.route("/a/", strict_slashes=False)(index)
    assert ask(app, "/a").status_code == 200
    assert ask(app, "/a/").status_code == 200


def test_redirect_to_defaults() -> None:
    app = Kyoukai("app")
    app.route("/all/", defaults={"page": 1})(index)
    app.route("/all/<int:page>")(index)
    assert ask(app, "/all/1").headers["Location"] == "http://localhost/all/"
    assert ask(app, "/all/2").get_data() == b"GET {'page': 2}"


def test_redirect_that_vanishes_before_the_second_lookup() -> None:
    values = iter((1, 2))

    class Fickle(BaseConverter):
        def to_python(self, value: str) -> int:
            return next(values)

    app = Kyoukai("app", converters={"fickle": Fickle})
    app.route("/all/", defaults={"page": 1})(index)
    app.route("/all/<fickle:page>")(index)
    assert ask(app, "/all/x").status_code == 404


def test_an_upgrade_is_ignored(app: Kyoukai) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert ask(app, "/", headers=headers).get_data() == b"GET {}"
    response = ask(app, "/branch", headers=headers)
    assert response.headers["Location"] == "http://localhost/branch/"
    response = ask(app, "/missing", headers=headers)
    assert response.status_code == 404


def test_paths_that_are_no_ascii() -> None:
    app = Kyoukai("app")
    app.route("/é/<x>")(index)
    assert ask(app, "/é/ü").get_data(as_text=True) == "GET {'x': 'ü'}"


def test_converters() -> None:
    class Letters(BaseConverter):
        regex = "[a-z]+"

    app = Kyoukai("app", converters={"letters": Letters})
    app.route("/<letters:x>")(index)
    assert ask(app, "/ab").status_code == 200
    assert ask(app, "/12").status_code == 404


def test_a_converter_that_raises_is_an_error_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(BaseConverter):
        def to_python(self, value: str) -> Any:
            raise KeyError(value)

    app = Kyoukai("app", converters={"broken": Broken})
    app.route("/<broken:x>")(index)
    assert ask(app, "/a").status_code == 500
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


def test_options_pass_the_hooks_of_the_preflights_route() -> None:
    app = Kyoukai("app")
    shop = Blueprint("shop", prefix="/<shop>", parent=app)

    def named(name: str) -> Any:
        async def after(ctx: HTTPRequestContext, response: Response) -> None:
            assert ctx.route is not None
            response.headers["X-Hook"] = f"{name} {ctx.params['shop']} {ctx.route.name} {ctx.bp.name}"

        return after

    shop.route("/items", endpoint="list", after=[named("read")])(other)
    shop.route("/items", ["PUT", "DELETE"], endpoint="change", after=[named("write")])(other)
    for wanted, expected in [
        ("GET", "read a list shop"),
        ("HEAD", "read a list shop"),
        ("PUT", "write a change shop"),
        ("PATCH", "write a change shop"),
        ("OPTIONS", "write a change shop"),
        ("", "write a change shop"),
    ]:
        headers = {"Access-Control-Request-Method": wanted} if wanted else {}
        response = ask(app, "/a/items", "OPTIONS", headers=headers)
        assert response.headers["X-Hook"] == expected
        assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"


def test_options_match_without_invoking_a_route() -> None:
    heard: list[tuple[str, str]] = []
    app = Kyoukai("app")
    api = Blueprint("api", prefix="/api", parent=app)
    api.route("/items")(other)

    @app.before_request
    async def listen(ctx: HTTPRequestContext) -> None:
        for signal in (ctx.route_matched, ctx.route_invoked, ctx.route_completed):
            signal.connect(lambda event: heard.append((event.topic, event.route.name)))

    assert ask(app, "/api/items", "OPTIONS").status_code == 200
    assert heard == [("route_completed", "other")]
    heard.clear()
    assert ask(app, "/api/items").status_code == 200
    assert heard == [("route_invoked", "other"), ("route_completed", "other")]
