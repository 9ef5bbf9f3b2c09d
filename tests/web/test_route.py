import functools
import threading
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai, Route

from .asking import ask


async def index(ctx: HTTPRequestContext) -> str:
    return "index"


def test_what_it_knows() -> None:
    async def hook(ctx: HTTPRequestContext) -> None:
        pass

    route = Route(index, "/a", ["get", "POST"], endpoint="e", defaults={"a": 1}, before=[hook])
    assert route.handler is index
    assert route.invoke is index
    assert route.url == "/a"
    assert route.methods == {"GET", "POST"}
    assert route.before == (hook,)
    assert route.after == ()
    assert route.endpoint == "e"
    assert repr(route) == "<Route e '/a' GET|POST>"
    Blueprint("b").add_route(route)
    assert route.endpoint == "b.e"


@pytest.mark.parametrize("url", ["", "a", "a/", None, 3])
def test_bad_urls(url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"the URL of .*index must start with '/'"):
        Route(index, url)


def test_a_bare_string_is_no_sequence_of_methods() -> None:
    with pytest.raises(
        ConfigurationError, match=r"methods must be a sequence: methods=\('GET',\), not 'GET'"
    ):
        Route(index, "/", "GET")


@pytest.mark.parametrize(
    "methods", [["CONNECT"], ["PRI"], ["*"], [3], [""], ["GET", "G E T"], ["A" * 33], ["CAFÉ"]]
)
def test_invalid_method(methods: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be the method of a route; it must be a token"):
        Route(index, "/", methods)


def test_methods_of_its_own() -> None:
    assert Route(index, "/", ["purge", "M-SEARCH"]).methods == {"PURGE", "M-SEARCH"}


@pytest.mark.parametrize("methods", [[], (), None, 3])
def test_no_methods(methods: Any) -> None:
    with pytest.raises(ConfigurationError, match="methods must"):
        Route(index, "/", methods)


@pytest.mark.parametrize("endpoint", ["", "a.b", 3])
def test_bad_endpoints(endpoint: Any) -> None:
    with pytest.raises(ConfigurationError, match="name of an endpoint must be a str with no dot in it"):
        Route(index, "/", endpoint=endpoint)


def test_bad_handlers_and_hooks() -> None:
    bad: Any = "x"
    with pytest.raises(ConfigurationError, match="a handler must be a function, not 'x'"):
        Route(bad, "/")
    with pytest.raises(ConfigurationError, match="before must be a sequence of hooks, not <function index"):
        Route(index, "/", before=index)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"a hook after .*index is called with \(ctx, response\)"):
        Route(index, "/", after=[index])


class Handlers:
    async def asynchronous(self, ctx: HTTPRequestContext, x: int) -> str:
        return f"{x} {threading.get_ident()}"

    def plain(self, ctx: HTTPRequestContext, x: int) -> str:
        return f"{x} {threading.get_ident()}"

    async def __call__(self, ctx: HTTPRequestContext, x: int) -> str:
        return f"{x} {threading.get_ident()}"


def awaitable(ctx: HTTPRequestContext, x: int) -> Any:
    return Handlers().asynchronous(ctx, x)


async def with_more(more: str, ctx: HTTPRequestContext, x: int) -> str:
    return f"{x} {threading.get_ident()}"


@pytest.mark.parametrize(
    ("handler", "in_loop"),
    [
        (Handlers().asynchronous, True),
        (Handlers().plain, False),
        (Handlers(), True),
        (functools.partial(Handlers().plain), False),
        (functools.partial(with_more, "more"), True),
        (awaitable, True),
    ],
)
def test_kinds_of_handlers(handler: Any, in_loop: bool) -> None:
    app = Kyoukai("app")
    app.route("/<int:x>")(handler)
    x, thread = ask(app, "/7").get_data(as_text=True).split()
    assert x == "7"
    assert (int(thread) == threading.get_ident()) is in_loop


async def takes_x(ctx: HTTPRequestContext, x: int) -> None:
    pass


async def takes_nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("url", "handler", "reason"),
    [
        ("/", takes_x, r"takes_x is called with \(ctx\): missing a required argument: 'x'"),
        ("/<y>", takes_x, r"takes_x is called with \(ctx, y=...\): "),
        ("/<y>", index, r"index is called with \(ctx, y=...\): got an unexpected keyword argument 'y'"),
        ("/<ctx>", index, r"index is called with \(ctx, ctx=...\): multiple values for argument 'ctx'"),
        ("/", takes_nothing, r"takes_nothing is called with \(ctx\): too many positional arguments"),
    ],
)
def test_handlers_that_do_not_fit_the_rule(url: str, handler: Any, reason: str) -> None:
    app = Kyoukai("app")
    app.route(url)(handler)
    with pytest.raises(ConfigurationError, match=f"by the rule '{url}', the handler .*{reason}"):
        app.finalize()


def test_handlers_that_fit_the_rule() -> None:
    app = Kyoukai("app")

    async def anything(*args: Any, **kwargs: Any) -> str:
        return f"{len(args)} {sorted(kwargs.items())}"

    async def optional(ctx: HTTPRequestContext, what: str, function: str = "f") -> str:
        return what + function

    app.route("/a/<x>/<self>")(anything)
    app.route("/b/<what>")(optional)
    app.route("/c/", defaults={"x": 3})(takes_x)
    assert ask(app, "/a/1/2").get_data() == b"1 [('self', '2'), ('x', '1')]"
    assert ask(app, "/b/g").get_data() == b"gf"
    assert ask(app, "/c/").status_code == 204
