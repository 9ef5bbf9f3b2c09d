"""What the router knows in advance, and what it keeps, is what Werkzeug's map finds."""

from collections.abc import Iterable
from typing import Any

from asphalt.core import Context
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Request

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import HTTPRequestContext, Kyoukai
from kyoukai.web.routing import MAX_FOUND, MAX_PATH_SIZE
from kyoukai.web.targets import Options, Refusal

from .asking import ask


class Upper(BaseConverter):
    """One that has something to say of its own."""

    regex = "[a-z]+"

    def to_python(self, value: str) -> str:
        return value.upper()


async def handler(ctx: Any, **params: Any) -> str:
    return f"{ctx.params}"


SEGMENTS = st.sampled_from(
    [
        "a",
        "b",
        "1",
        "<x>",
        "<int:x>",
        "<float:x>",
        "<upper:x>",
        "<path:x>",
        "<any(a, b):x>",
        "a<x>",
        "<x>-<int:y>",
    ]
)
URLS = st.tuples(st.lists(SEGMENTS, max_size=3).map("/".join), st.sampled_from(["", "/"])).map(
    lambda parts: "/" + parts[0] + parts[1] if parts[0] else "/"
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"])
ROUTES = st.lists(
    st.tuples(
        URLS,
        st.lists(METHODS, min_size=1, unique=True),
        st.sampled_from([None, True, False]),
        st.sampled_from([{}, {"z": 1}]),
    ),
    min_size=1,
    max_size=6,
)
PATHS = st.lists(st.sampled_from(["", "a", "b", "1", "2.5", "ab", "a-1", "é"]), max_size=4).map(
    lambda segments: "/" + "/".join(segments)
)


def made(routes: Iterable[tuple[str, list[str], bool | None, dict[str, Any]]]) -> Kyoukai | None:
    app = Kyoukai("app", converters={"upper": Upper})
    for i, (url, methods, strict_slashes, defaults) in enumerate(routes):
        app.route(url, methods, endpoint=f"e{i}", strict_slashes=strict_slashes, defaults=defaults)(handler)
    try:
        app.finalize()
    except ConfigurationError:
        return None
    return app


def context_of(app: Kyoukai, method: str, path: str) -> HTTPRequestContext:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path.encode().decode("latin-1")}
    return HTTPRequestContext(Context(), Request(environ), app)


@settings(deadline=None)
@given(ROUTES, st.lists(st.tuples(METHODS, PATHS), min_size=1, max_size=8))
def test_the_router_finds_what_the_map_finds(routes: Any, requests: list[tuple[str, str]]) -> None:
    app = made(routes)
    assume(app is not None)
    assert app is not None
    router = app.router
    for method, path in requests * 2:
        seen: Any = context_of(app, method, path)
        target, found = router.match(seen, seen.request)
        try:
            rule, params = router.map.bind("").match(path, method, return_rule=True, websocket=False)
        except HTTPException as exc:
            error = exc
        else:
            error = None
        if isinstance(target, Options):
            # In the place of a route: it has what surrounds that one.
            assert method == "OPTIONS"
            assert isinstance(error, MethodNotAllowed)
            assert target.scope is seen.route.scope
            assert seen.params == found
            assert seen.route.methods & set(error.valid_methods or ())
        elif error is not None:
            assert seen.route is None
            assert isinstance(target, Refusal)
            assert target.error.code == error.code
        else:
            assert target is seen.route
            assert seen.route.rule is rule
            assert seen.params == found == params
            assert [type(value) for value in seen.params.values()] == [
                type(value) for value in params.values()
            ]
            if seen.params:
                seen.params["x"] = seen.params["more"] = object()


def test_cache_is_bounded() -> None:
    app = Kyoukai("app")
    app.route("/<x>")(handler)
    found = app.router._found
    assert ask(app, "/" + MAX_PATH_SIZE * "a").status_code == 200
    assert found == {}
    for i in range(MAX_FOUND + 1):
        seen = context_of(app, "GET", f"/{i}")
        app.router.match(seen, seen.request)
    assert 0 < len(found) <= MAX_FOUND
    assert ask(app, "/a").get_data() == b"{'x': 'a'}"


def test_other_converters_are_asked_each_time() -> None:
    class Counting(BaseConverter):
        def to_python(self, value: str) -> list[int]:
            counts.append(len(counts))
            return counts

    counts: list[int] = []
    app = Kyoukai("app", converters={"counting": Counting, "int": Counting})
    app.route("/a/<counting:x>")(handler)
    app.route("/b/<int:x>/<y>")(handler)
    app.route("/c/<y>")(handler)
    for path in ("/a/a", "/a/a", "/b/a/b", "/b/a/b"):
        ask(app, path)
    assert len(counts) == 4
    assert app.router._found == {}
    assert ask(app, "/c/a").get_data() == b"{'y': 'a'}"
    assert len(app.router._found) == 1
