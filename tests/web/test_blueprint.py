from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai, Route

from .asking import ask


async def index(ctx: HTTPRequestContext) -> str:
    route = ctx.route
    return f"{route.endpoint} {ctx.bp.name}" if route is not None else ""


async def other(ctx: HTTPRequestContext) -> str:
    return "other"


def test_a_tree_composes_prefixes_and_endpoints() -> None:
    app = Kyoukai("app")
    api = app.register_blueprint(Blueprint("api", prefix="/api"))
    plain = api.add_child(Blueprint("plain"))
    v1 = Blueprint("v1", prefix="/v1/<lang>", parent=plain)
    for blueprint, url in ((app, "/"), (api, "/x"), (plain, "/y"), (v1, "/")):
        blueprint.route(url)(index if blueprint is not v1 else localized)

    assert [blueprint.name for blueprint in v1.lineage] == ["app", "api", "plain", "v1"]
    assert [blueprint.name for blueprint in app.walk()] == ["app", "api", "plain", "v1"]
    assert v1.url_prefix == "/api/v1/<lang>"
    assert ask(app, "/").get_data() == b"index app"
    assert ask(app, "/api/x").get_data() == b"api.index api"
    assert ask(app, "/api/y").get_data() == b"api.plain.index plain"
    assert ask(app, "/api/v1/en/").get_data() == b"api.plain.v1.localized en"
    assert ask(app, "/api").status_code == 404


async def localized(ctx: HTTPRequestContext, lang: str) -> str:
    return f"{ctx.route.endpoint if ctx.route else None} {lang}"


def test_decorators_leave_the_function_alone() -> None:
    blueprint = Blueprint("a")

    async def hook(ctx: HTTPRequestContext) -> None:
        pass

    async def after(ctx: HTTPRequestContext, response: Any) -> None:
        pass

    assert blueprint.route("/")(index) is index
    assert blueprint.before_request(hook) is hook
    assert blueprint.after_request(after) is after
    assert blueprint.errorhandler(404)(after) is after


def test_several_routes_on_one_handler() -> None:
    app = Kyoukai("app")

    @app.route("/", defaults={"page": 1})
    @app.route("/page/<int:page>")
    @app.route("/page", methods=["POST"], defaults={"page": 0})
    async def pages(ctx: HTTPRequestContext, page: int) -> str:
        return f"{page}"

    assert ask(app, "/").get_data() == b"1"
    assert ask(app, "/page/7").get_data() == b"7"
    assert ask(app, "/page", "POST").get_data() == b"0"
    assert {route.endpoint for route in app.routes} == {"pages"}


@pytest.mark.parametrize("name", ["", "a.b", ".", None, 3])
def test_bad_names(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name of a blueprint must be a str with no dot"):
        Blueprint(name)
    with pytest.raises(ConfigurationError):
        Kyoukai(name)


@pytest.mark.parametrize("prefix", ["/", "a", "/a/", "a/", None, 3])
def test_bad_prefixes(prefix: Any) -> None:
    with pytest.raises(ConfigurationError, match="blueprint 'a' must be '', or start with"):
        Blueprint("a", prefix=prefix)


def test_a_blueprint_has_one_place() -> None:
    parent, child = Blueprint("parent"), Blueprint("child")
    parent.add_child(child)
    with pytest.raises(ConfigurationError, match="'child' is already a child of 'parent'"):
        parent.add_child(child)
    with pytest.raises(ConfigurationError, match="'child' is already a child of 'parent'"):
        Blueprint("elsewhere", parent=Blueprint("x")).add_child(child)
    assert parent.children == [child]


def test_cycles() -> None:
    parent = Blueprint("parent")
    child = Blueprint("child", parent=parent)
    for blueprint in (parent, child):
        with pytest.raises(ConfigurationError, match="cannot be a child of itself"):
            blueprint.add_child(blueprint)
    with pytest.raises(ConfigurationError, match="'parent' cannot be a child of itself"):
        child.add_child(parent)
    assert parent.parent is None


def test_children_need_names_of_their_own() -> None:
    parent = Blueprint("parent")
    parent.add_child(Blueprint("a"))
    twin = Blueprint("a")
    with pytest.raises(ConfigurationError, match="has a child named 'a' already"):
        parent.add_child(twin)
    assert twin.parent is None


def test_only_blueprints_are_children() -> None:
    with pytest.raises(ConfigurationError, match="must be a Blueprint, not 'x'"):
        Blueprint("a").add_child("x")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="'b' is an application"):
        Blueprint("a").add_child(Kyoukai("b"))


def test_duplicate_endpoints() -> None:
    app = Kyoukai("app")
    blueprint = Blueprint("a", parent=app)
    blueprint.route("/a")(index)
    with pytest.raises(ConfigurationError, match=r"'a\.index' is .*index already; give .*other another by"):
        blueprint.route("/b", endpoint="index")(other)
    blueprint.route("/b", endpoint="index")(index)
    app.route("/c", endpoint="index")(other)


def test_a_route_has_one_place() -> None:
    blueprint = Blueprint("a")
    route = Route(index, "/")
    assert blueprint.add_route(route) is route
    assert route.bp is blueprint
    with pytest.raises(ConfigurationError, match="is already in blueprint 'a'"):
        Blueprint("b").add_route(route)
    with pytest.raises(ConfigurationError, match="add_route takes a Route"):
        blueprint.add_route("/")  # type: ignore[arg-type]


def test_nothing_can_be_added_once_finalized() -> None:
    app = Kyoukai("app")
    blueprint = Blueprint("a", parent=app)
    app.finalize()
    attempts: list[Any] = [
        lambda part: part.add_child(Blueprint("b")),
        lambda part: Blueprint("c", parent=part),
        lambda part: part.add_route(Route(index, "/")),
        lambda part: part.route("/")(index),
        lambda part: part.errorhandler(404)(localized),
        lambda part: part.before_request(index),
        lambda part: part.after_request(localized),
    ]
    for attempt in attempts:
        for part in (app, blueprint):
            with pytest.raises(RuntimeError, match="belongs to an application that is finalized"):
                attempt(part)


def test_repr() -> None:
    assert repr(Blueprint("a", prefix="/b")) == "<Blueprint 'a' '/b'>"


def test_route_without_parentheses() -> None:
    async def handler(ctx: HTTPRequestContext) -> str:
        return ""

    with pytest.raises(ConfigurationError, match=r"@route\('/\.\.\.'\)"):
        Blueprint("web").route(handler)  # type: ignore[arg-type]


def test_a_route_of_one_method_has_a_url_and_no_other_methods() -> None:
    blueprint = Blueprint("a")
    with pytest.raises(ConfigurationError, match="takes a URL first"):
        blueprint.get(lambda ctx: "")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="methods"):
        blueprint.post("/", methods=["PUT"])  # type: ignore[call-arg]
