"""Hosts and subdomains of blueprints and of routes."""

from typing import Any

import pytest

from kyoukai import Blueprint, ConfigurationError, HTTPRequestContext, Kyoukai, RouteGroup, route
from kyoukai.web.hosts import HostRouter, split_host
from kyoukai.web.routing import MAX_FOUND

from .asking import ask, within


def saying(text: str) -> Any:
    async def say(ctx: HTTPRequestContext, **params: Any) -> str:
        return f"{text} {params}" if params else text

    return say


@pytest.fixture
def app() -> Kyoukai:
    app = Kyoukai("app", server_name="example.com")
    app.route("/", endpoint="index")(saying("any"))
    app.route("/shared", ["PUT"], endpoint="put")(saying("any put"))
    app.route("/about/", endpoint="about")(saying("about"))
    api = Blueprint("api", subdomain="api", parent=app)
    api.route("/", endpoint="index")(saying("api"))
    api.route("/shared", ["GET", "POST"], endpoint="shared")(saying("api shared"))
    api.route("/branch/", endpoint="branch")(saying("branch"))
    v2 = Blueprint("v2", subdomain="v2", prefix="/v2", parent=api)
    v2.route("/", endpoint="index")(saying("v2"))
    tenants = Blueprint("tenants", host="<tenant>.example.org", parent=app)
    tenants.route("/<int:number>", endpoint="number")(saying("tenant"))
    Blueprint("below", prefix="/below", parent=tenants).route("/", endpoint="index")(saying("below"))
    return app


def text(app: Kyoukai, host: str, path: str = "/", method: str = "GET") -> str:
    response = ask(app, path, method, headers={"Host": host})
    return response.get_data(as_text=True) if response.status_code == 200 else str(response.status_code)


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("example.com", "/", "any"),
        ("elsewhere.example", "/", "any"),
        ("[::1]:8000", "/", "any"),
        ("api.example.com", "/", "api"),
        ("API.Example.com:8000", "/", "api"),
        ("api.example.com.", "/", "api"),
        ("api.example.com", "/about/", "about"),
        ("api.example.com", "/v2/", "404"),
        ("v2.api.example.com", "/v2/", "v2"),
        ("v2.api.example.com", "/", "any"),
        ("example.com", "/shared", "405"),
        ("a.example.org", "/7", "tenant {'tenant': 'a', 'number': 7}"),
        ("b.example.org", "/7", "tenant {'tenant': 'b', 'number': 7}"),
        ("a.example.org", "/below/", "below {'tenant': 'a'}"),
        ("example.org", "/7", "404"),
    ],
)
def test_which_route_answers(app: Kyoukai, host: str, path: str, expected: str) -> None:
    # The second time it may be known.
    assert [text(app, host, path), text(app, host, path)] == [expected, expected]


def test_methods_of_a_host_and_of_all(app: Kyoukai) -> None:
    assert text(app, "api.example.com", "/shared") == "api shared"
    assert text(app, "api.example.com", "/shared", "PUT") == "any put"
    for host, allowed in [
        ("api.example.com", "GET, HEAD, OPTIONS, POST, PUT"),
        ("example.com", "OPTIONS, PUT"),
    ]:
        for method, status in [("DELETE", 405), ("OPTIONS", 200)]:
            response = ask(app, "/shared", method, headers={"Host": host})
            assert (response.status_code, response.headers["Allow"]) == (status, allowed)
    response = ask(app, "/branch/", "PUT", headers={"Host": "api.example.com"})
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    asterisk = {"PATH_INFO": "", "RAW_URI": "*", "REQUEST_URI": "*"}
    assert "POST" in ask(app, "/", "OPTIONS", overrides=asterisk).headers["Allow"]


@pytest.mark.parametrize(
    ("host", "path", "location"),
    [
        ("api.example.com:8000", "/branch", "http://api.example.com:8000/branch/?a=%20"),
        ("api.example.com:8000", "/about", "http://api.example.com:8000/about/?a=%20"),
        ("elsewhere.example", "/about", "http://elsewhere.example/about/?a=%20"),
        ("[::1]:8000", "/about", "http://[::1]:8000/about/?a=%20"),
        ("elsewhere.example", "/branch", None),
    ],
)
def test_redirects_stay_on_the_host(app: Kyoukai, host: str, path: str, location: str | None) -> None:
    response = ask(app, path, "GET", headers={"Host": host}, query_string="a=%20")
    assert response.headers.get("Location") == location
    assert response.status_code == (308 if location else 404)


def test_redirects_to_defaults() -> None:
    app = Kyoukai("app")
    pages = Blueprint("pages", host="pages.example", parent=app)
    pages.route("/all/", defaults={"page": 1}, endpoint="all")(handler := saying("page"))
    pages.route("/all/<int:page>", endpoint="all")(handler)
    response = ask(app, "/all/1", headers={"Host": "pages.example:81"})
    assert response.headers["Location"] == "http://pages.example:81/all/"


def test_invalid_host(app: Kyoukai) -> None:
    assert text(app, "a..b") == "any"
    assert text(app, "a..b", "/about") == "400"


@pytest.mark.parametrize(
    ("host", "arguments", "url"),
    [
        ("example.com", {"endpoint": "index"}, "/"),
        ("example.com", {"endpoint": "api.index"}, "http://api.example.com/"),
        ("example.com:81", {"endpoint": "api.index"}, "http://api.example.com:81/"),
        ("api.example.com:81", {"endpoint": "api.index"}, "/"),
        ("api.example.com:81", {"endpoint": "api.index", "_external": True}, "http://api.example.com:81/"),
        ("api.example.com:81", {"endpoint": ".v2.index"}, "http://v2.api.example.com:81/v2/"),
        ("api.example.com:81", {"endpoint": "index"}, "/"),
        ("api.example.com:81", {"endpoint": "index", "_external": True}, "http://api.example.com:81/"),
        ("[::1]:81", {"endpoint": "index", "_external": True}, "http://[::1]:81/"),
        (
            "example.com",
            {"endpoint": "tenants.number", "tenant": "a", "number": 1, "_anchor": "x", "q": 2},
            "http://a.example.org/1?q=2#x",
        ),
    ],
)
def test_urls(app: Kyoukai, host: str, arguments: dict[str, Any], url: str) -> None:
    values = dict(arguments)
    endpoint = values.pop("endpoint")
    assert within(app, lambda ctx: ctx.url_for(endpoint, **values), headers={"Host": host}) == url


def test_a_route_group_with_a_host() -> None:
    class Group(RouteGroup, host="<int:number>.example.com"):
        @route("/")
        async def index(self, ctx: HTTPRequestContext, number: int) -> str:
            return str(number + 1)

    app = Kyoukai("app")
    app.add_route_group(Group())
    assert text(app, "4.example.com") == "5"
    assert text(app, "a.example.com") == "404"


@pytest.fixture
def routes() -> Kyoukai:
    app = Kyoukai("app", server_name="example.com")
    app.route("/", endpoint="index")(saying("any"))
    app.route("/", endpoint="status", subdomain="status")(saying("status"))
    app.route("/", endpoint="tenant", host="<tenant>.example.org")(saying("tenant"))
    app.route("/posted", ["POST"], endpoint="posted", host="api.example.com")(saying("posted"))
    api = Blueprint("api", host="api.example.com", prefix="/v1", parent=app)
    api.route("/", endpoint="index")(saying("api"))
    api.route("/", endpoint="beta", subdomain="beta")(saying("beta"))
    api.route("/", endpoint="old", host="old.example.com")(saying("old"))
    return app


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("example.com", "/", "any"),
        ("status.example.com", "/", "status"),
        ("Status.example.com:81", "/", "status"),
        ("a.example.org", "/", "tenant {'tenant': 'a'}"),
        ("api.example.com", "/posted", "405"),
        ("example.com", "/posted", "404"),
        ("api.example.com", "/v1/", "api"),
        ("beta.api.example.com", "/v1/", "beta"),
        ("old.example.com", "/v1/", "old"),
        ("example.com", "/v1/", "404"),
    ],
)
def test_hosts_of_single_routes(routes: Kyoukai, host: str, path: str, expected: str) -> None:
    assert [text(routes, host, path), text(routes, host, path)] == [expected, expected]


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("index", "/"),
        ("status", "http://status.example.com/"),
        ("api.beta", "http://beta.api.example.com/v1/"),
        ("api.old", "http://old.example.com/v1/"),
    ],
)
def test_urls_of_single_routes(routes: Kyoukai, endpoint: str, url: str) -> None:
    assert within(routes, lambda ctx: ctx.url_for(endpoint), headers={"Host": "example.com"}) == url


def test_a_method_of_a_route_group_with_a_host() -> None:
    class Group(RouteGroup, prefix="/group"):
        @route("/", host="a.example")
        @route("/", subdomain="b")
        async def index(self, ctx: HTTPRequestContext) -> str:
            return ctx.request.host

    app = Kyoukai("app", server_name="example.com")
    app.add_route_group(Group())
    hosts = ("a.example", "b.example.com", "example.com")
    assert [text(app, host, "/group/") for host in hosts] == ["a.example", "b.example.com", "404"]


def test_invalid_hosts_of_routes() -> None:
    app = Kyoukai("app")
    with pytest.raises(ConfigurationError, match=r"the host of the route of .*say.* must be a name .*'a:80'"):
        app.route("/", host="a:80")(saying("x"))
    with pytest.raises(ConfigurationError, match="takes a host or a subdomain, not both: 'a', 'b'"):
        app.route("/", host="a", subdomain="b")(saying("x"))
    app.route("/", subdomain="api")(saying("x"))
    with pytest.raises(
        ConfigurationError, match=r"the route of .*say.* has the subdomain 'api', but no host"
    ):
        app.finalize()


def test_two_routes_of_one_url_and_host() -> None:
    app = Kyoukai("app")
    app.route("/", endpoint="a", host="a.example")(saying("a"))
    Blueprint("b", host="a.example", parent=app).route("/", endpoint="b")(saying("b"))
    with pytest.raises(ConfigurationError, match=r"GET 'a\.example/' is answered by"):
        app.finalize()


def test_applications_without_hosts_have_the_plain_router(app: Kyoukai) -> None:
    assert isinstance(app.router, HostRouter)
    one = Kyoukai("app")
    one.route("/", host="a.example")(saying("a"))
    assert isinstance(one.router, HostRouter)
    assert not isinstance(Kyoukai("app", server_name="example.com").router, HostRouter)


def test_cache_is_bounded(app: Kyoukai) -> None:
    found = app.router._found
    for i in range(MAX_FOUND + 2):
        app.router._found[str(i), "", ""] = next(iter(found.values()), None)  # type: ignore[assignment]
    assert text(app, "a" * 300) == "any"
    assert len(found) == MAX_FOUND + 2
    assert text(app, "a") == "any"
    assert len(found) == 1


@pytest.mark.parametrize("option", ["host", "subdomain"])
@pytest.mark.parametrize("value", ["", "A.b", "a:80", "a/b", "http://a", ".a", "a.", "a..b", "é", 3, "<a"])
def test_invalid_hosts(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"the {option} of blueprint 'b' must be a name"):
        Blueprint("b", **{option: value})
    with pytest.raises(ConfigurationError, match="server_name must be a name"):
        Kyoukai("app", server_name=value)


def test_invalid_configurations() -> None:
    with pytest.raises(ConfigurationError, match=r"server_name must be a name .*not '<a>\.b'"):
        Kyoukai("app", server_name="<a>.b")
    with pytest.raises(ConfigurationError, match="a host or a subdomain, not both"):
        Blueprint("b", host="a", subdomain="b")
    app = Kyoukai("app")
    Blueprint("b", subdomain="api", parent=app)
    with pytest.raises(
        ConfigurationError, match=r"has the subdomain 'api', but no host; give .* server_name"
    ):
        app.finalize()


@pytest.mark.parametrize(
    ("host", "url", "reason"),
    [
        ("<a>.example", "/<a>", "the variable 'a' twice"),
        ("<nothing:a>.example", "/", "nothing"),
        ("<a>.example", "/", r"is called with \(ctx, a=...\)"),
    ],
)
def test_invalid_rules(host: str, url: str, reason: str) -> None:
    app = Kyoukai("app")

    async def index(ctx: HTTPRequestContext) -> str:
        return ""

    Blueprint("b", host=host, parent=app).route(url)(index)
    with pytest.raises(ConfigurationError, match=reason):
        app.finalize()


def test_the_same_url_of_two_hosts() -> None:
    app = Kyoukai("app")
    for name in ("a", "b"):
        Blueprint(name, host=f"{name}.example", parent=app).route("/", endpoint="index")(saying(name))
    assert [text(app, "a.example"), text(app, "b.example")] == ["a", "b"]

    twice = Kyoukai("twice")
    for name in ("a", "b"):
        Blueprint(name, host="a.example", parent=twice).route("/", endpoint="index")(saying(name))
    with pytest.raises(ConfigurationError, match=r"GET 'a\.example/' is answered by"):
        twice.finalize()


@pytest.mark.parametrize(
    ("netloc", "parts"),
    [
        ("a", ("a", "")),
        ("A.B.:80", ("a.b", ":80")),
        ("[::1]", ("[::1]", "")),
        ("[::1]:80", ("[::1]", ":80")),
        ("", ("", "")),
    ],
)
def test_split_host(netloc: str, parts: tuple[str, str]) -> None:
    assert split_host(netloc) == parts
