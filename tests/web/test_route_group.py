import asyncio
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from asphalt.core import Context, inject, resource
from werkzeug.exceptions import NotFound, Unauthorized
from werkzeug.wrappers import Response

from kyoukai import (
    Blueprint,
    ConfigurationError,
    HTTPRequestContext,
    Kyoukai,
    RouteGroup,
    after_request,
    after_serving,
    before_request,
    before_serving,
    errorhandler,
    route,
    while_serving,
)

from .asking import ask


class Items(RouteGroup, prefix="/items"):
    """With state, and without a call of the base's constructor, which there is no need for."""

    def __init__(self, **items: str) -> None:
        self.items = items
        self.course: list[str] = []

    @before_request
    async def note(self, ctx: HTTPRequestContext) -> None:
        self.course.append("before")

    @after_request
    async def mark(self, ctx: HTTPRequestContext, response: Response) -> None:
        self.course.append("after")
        response.headers["X-Items"] = str(len(self.items))

    @route("/")
    async def index(self, ctx: HTTPRequestContext) -> list[str]:
        return [*self.items]

    async def authorize(self, ctx: HTTPRequestContext) -> None:
        if "Authorization" not in ctx.request.headers:
            raise Unauthorized

    async def sign(self, ctx: HTTPRequestContext, response: Response) -> None:
        response.headers["X-Signed"] = type(self).__name__

    @route("/<name>", methods=["GET", "HEAD"])
    @route("/by-name/<name>")
    async def item(self, ctx: HTTPRequestContext, name: str) -> str:
        return self.items[name]

    @route("/<name>", methods=["delete"], before=[authorize], after=[sign])
    def remove(self, ctx: HTTPRequestContext, name: str) -> None:
        del self.items[name]

    @errorhandler(KeyError)
    async def missing(self, ctx: HTTPRequestContext, error: KeyError) -> tuple[str, int]:
        return f"no {error}", 404

    @errorhandler(range(400, 500))
    async def refuse(self, ctx: HTTPRequestContext, error: Exception) -> str:
        return "refused"


def serve(group: RouteGroup, **options: Any) -> Kyoukai:
    app = Kyoukai("app")
    app.add_route_group(group, **options)
    return app


def text(app: Kyoukai, *args: Any, **options: Any) -> str:
    return ask(app, *args, **options).get_data(as_text=True)


def test_options_have_the_hooks_of_the_group_and_of_the_method() -> None:
    app = Kyoukai("app")
    app.add_route_group(Items(a="1"))
    headers = {"Access-Control-Request-Method": "DELETE", "Authorization": "Basic x"}
    response = ask(app, "/items/a", "OPTIONS", headers=headers)
    assert (response.status_code, response.headers["Allow"]) == (200, "DELETE, GET, HEAD, OPTIONS")
    assert (response.headers["X-Items"], response.headers["X-Signed"]) == ("1", "Items")
    response = ask(app, "/items/", "OPTIONS")
    assert (response.headers["X-Items"], "X-Signed" in response.headers) == ("1", False)


def test_methods_are_routes_hooks_and_error_handlers() -> None:
    group = Items(a="A", b="B")
    app = serve(group)
    answer = ask(app, "/items/")
    assert (answer.get_json(), answer.headers["X-Items"]) == (["a", "b"], "2")
    assert group.course == ["before", "after"]
    assert text(app, "/items/a") == text(app, "/items/by-name/a") == "A"
    answer = ask(app, "/items/c")
    assert (answer.status_code, answer.get_data()) == (404, b"no 'c'")
    assert {found.endpoint for blueprint in app.walk() for found in blueprint.routes} == {
        "Items.index",
        "Items.item",
        "Items.remove",
    }


def test_hooks_of_one_route_may_be_methods() -> None:
    group = Items(a="A")
    app = serve(group)
    refused = ask(app, "/items/a", "DELETE")
    assert (refused.status_code, refused.get_data(), group.items) == (401, b"refused", {"a": "A"})
    removed = ask(app, "/items/a", "DELETE", headers={"Authorization": "x"})
    assert (removed.status_code, removed.headers["X-Signed"], group.items) == (204, "Items", {})
    assert "X-Signed" not in ask(app, "/items/").headers


def test_hooks_of_one_route_may_be_other_functions() -> None:
    async def answer(ctx: HTTPRequestContext) -> str:
        return "hook"

    class Group(RouteGroup):
        @route("/", before=(hook for hook in [answer]))
        async def index(self, ctx: HTTPRequestContext) -> str:
            return "handler"

    # A generator is read once, and serves every instance.
    assert text(serve(Group()), "/") == text(serve(Group()), "/") == "hook"


def test_instances_are_apart() -> None:
    app = Kyoukai("app")
    first = app.add_route_group(Items(a="first"))
    second = app.add_route_group(Items(a="second"), name="second", prefix="/second")
    assert (first.name, second.name, second.parent) == ("Items", "second", app)
    assert text(app, "/items/a") == "first"
    assert text(app, "/second/a") == "second"
    assert app.router.map.is_endpoint_expecting("second.item", "name")


def test_a_group_in_a_tree() -> None:
    app = Kyoukai("app")
    group = Items(a="A")
    blueprint = Blueprint("v1", prefix="/v1", parent=app).add_route_group(group)
    assert group.bp is blueprint

    @blueprint.route("/more")
    async def more(ctx: HTTPRequestContext) -> str:
        return ctx.url_for(".index")

    assert text(app, "/v1/items/more") == "/v1/items/"


def test_inheritance() -> None:
    class Special(Items, name="special"):
        async def index(self, ctx: HTTPRequestContext) -> list[str]:
            return ["special", *await super().index(ctx)]

        @route("/only/<name>")
        async def item(self, ctx: HTTPRequestContext, name: str) -> str:
            return "only " + await super().item(ctx, name)

        async def authorize(self, ctx: HTTPRequestContext) -> None:
            self.course.append("authorized")

        remove_all = None
        mark = None

    group = Special(a="A")
    app = serve(group)
    answer = ask(app, "/items/")
    assert answer.get_json() == ["special", "a"]
    assert "X-Items" not in answer.headers
    assert text(app, "/items/only/a") == "only A"
    assert ask(app, "/items/a").status_code == 405
    assert ask(app, "/items/a", "DELETE").status_code == 204
    assert "authorized" in group.course
    assert text(serve(Items(a="A")), "/items/a") == "A", "the base is as it was"


def test_options_except_the_name_are_inherited() -> None:
    class Base(RouteGroup, name="base", prefix="/base"):
        pass

    class Derived(Base):
        pass

    class Moved(Derived, prefix="/moved"):
        pass

    found = [kind().make_blueprint() for kind in (Base, Derived, Moved)]
    assert [(bp.name, bp.prefix) for bp in found] == [
        ("base", "/base"),
        ("Derived", "/base"),
        ("Moved", "/moved"),
    ]


def test_dataclasses() -> None:
    @dataclass(frozen=True, slots=True)
    class Words(RouteGroup, name="words", prefix="/words"):
        word: str

        async def refuse(self, ctx: HTTPRequestContext) -> str | None:
            return "too long" if len(self.word) > 4 else None

        @route("/", before=[refuse])
        async def show(self, ctx: HTTPRequestContext) -> str:
            return self.word

    short = Words("word")
    app = serve(short)
    app.add_route_group(Words("longer"), name="long", prefix="/long")
    assert short.bp is not None
    assert short.bp.name == "words"
    assert (text(app, "/words/"), text(app, "/long/")) == ("word", "too long")


def test_mixins() -> None:
    class Health:
        @route("/health")
        async def health(self, ctx: HTTPRequestContext) -> str:
            return type(self).__name__

    class Service(Health, RouteGroup, prefix="/service"):
        pass

    assert text(serve(Service()), "/service/health") == "Service"


def test_static_and_class_methods_and_injection() -> None:
    class Group(RouteGroup):
        @route("/static-below")
        @staticmethod
        async def below(ctx: HTTPRequestContext) -> str:
            return "below"

        @staticmethod
        @route("/static-above")
        async def above(ctx: HTTPRequestContext) -> str:
            return "above"

        @route("/class")
        @classmethod
        async def of_class(cls, ctx: HTTPRequestContext) -> str:
            return cls.__name__

        @route("/injected/<x>")
        @inject
        async def injected(self, ctx: HTTPRequestContext, x: str, *, word: str = resource()) -> str:
            return word + x

    app = serve(Group())
    assert text(app, "/static-below") == "below"
    assert text(app, "/static-above") == "above"
    assert text(app, "/class") == "Group"
    assert text(app, "/injected/x", prepare=lambda parent: parent.add_resource("word")) == "wordx"


def test_decorator_shares_no_marks_with_its_function() -> None:
    class Base(RouteGroup):
        @route("/base")
        async def index(self, ctx: HTTPRequestContext) -> str:
            return "base"

    class Derived(Base):
        @route("/derived")
        @functools.wraps(Base.index)
        async def index(self, ctx: HTTPRequestContext) -> str:
            return "derived"

    assert text(serve(Derived()), "/derived") == "derived"
    assert ask(serve(Base()), "/derived").status_code == 404


def test_the_start_and_the_stop() -> None:
    class Counting(RouteGroup):
        def __init__(self) -> None:
            self.seen: list[str] = []

        @before_serving
        def start(self, ctx: Context) -> None:
            self.seen.append("start")

        @while_serving
        async def around(self, ctx: Context) -> AsyncIterator[None]:
            self.seen.append("begin")
            yield
            self.seen.append("end")

        @after_serving
        async def stop(self, ctx: Context) -> None:
            self.seen.append("stop")

    async def main() -> None:
        async with Context() as ctx:
            await app.lifecycle.start(ctx)
            await app.lifecycle.stop(0)

    app, group = Kyoukai("a"), Counting()
    app.add_route_group(group)
    asyncio.run(main())
    assert group.seen == ["start", "begin", "end", "stop"]


def test_the_decorators_leave_the_function_alone() -> None:
    async def method(self: Any, ctx: HTTPRequestContext) -> None: ...

    for decorate in (route("/"), errorhandler(NotFound), before_request, after_request):
        assert decorate(method) is method


def test_invalid_declarations_are_refused_at_once() -> None:
    async def method(self: Any, ctx: HTTPRequestContext) -> None: ...

    with pytest.raises(ConfigurationError, match="route takes a URL first"):
        route(method)  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="must start with '/': 'x'"):
        route("x")(method)
    with pytest.raises(ConfigurationError, match="'CONNECT' cannot be the method"):
        route("/", methods=["CONNECT"])(method)
    with pytest.raises(TypeError, match="unknown"):
        route("/", unknown=1)(method)
    with pytest.raises(ConfigurationError, match="not 200"):
        errorhandler(200)
    with pytest.raises(ConfigurationError, match="are for functions in a class, not for 3"):
        before_request(3)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"prefix": "x"}, "start with '/'"),
        ({"name": "a.b"}, "no dot"),
        ({"url_prefix": "/x"}, "Broken takes the options of a Blueprint: .*'url_prefix'"),
        ({"parent": Blueprint("b")}, "takes no parent"),
    ],
)
def test_invalid_options(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        type("Broken", (RouteGroup,), {}, **options)
    with pytest.raises(ConfigurationError, match=reason.replace("Broken", "Items")):
        Kyoukai("app").add_route_group(Items(), **options)


def test_groups_that_cannot_be_added() -> None:
    app = Kyoukai("app")
    for wrong in (Items, object(), Blueprint("b")):
        with pytest.raises(ConfigurationError, match="takes an instance of a RouteGroup, not"):
            app.add_route_group(wrong)  # type: ignore[arg-type]
    group = Items()
    app.add_route_group(group)
    with pytest.raises(ConfigurationError, match="already has the blueprint 'Items'; add another instance"):
        app.add_route_group(group, name="second")
    with pytest.raises(ConfigurationError, match="has a child named 'Items' already"):
        app.add_route_group(other := Items())
    assert app.add_route_group(other, name="other", prefix="/other").routes
    app.finalize()
    with pytest.raises(RuntimeError, match="finalized"):
        app.add_route_group(Items(), name="late")


def test_methods_that_cannot_be_called() -> None:
    class BadHook(RouteGroup):
        @before_request
        async def hook(self) -> None: ...

    class BadRouteHooks(RouteGroup):
        @route("/", before=3)
        async def index(self, ctx: HTTPRequestContext) -> None: ...

    class BadHandler(RouteGroup):
        @route("/<x>")
        async def index(self, ctx: HTTPRequestContext) -> None: ...

    with pytest.raises(ConfigurationError, match=r"BadHook\.hook is called with \(ctx\)"):
        serve(BadHook())
    with pytest.raises(ConfigurationError, match="before must be a sequence of hooks, not 3"):
        serve(BadRouteHooks())
    with pytest.raises(ConfigurationError, match=r"BadHandler\.index is called with \(ctx, x=...\)"):
        serve(BadHandler()).finalize()
