"""Whose error handlers answer where no route does."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.wrappers import Response

from kyoukai import Blueprint, ConfigurationError, HTTPRequestContext, Kyoukai
from kyoukai.web.error_scopes import ErrorScopes

from .asking import ask


def answering(blueprint: Blueprint, *keys: Any) -> None:
    for key in keys or (HTTPException,):

        @blueprint.errorhandler(key)
        async def handler(ctx: HTTPRequestContext, exception: HTTPException) -> str:
            assert ctx.route is None
            # The deepest that the path is under, where it need not be this one that has the handler.
            assert blueprint in ctx.bp.lineage
            return f"{blueprint.name} {exception.code}"


async def handler(ctx: HTTPRequestContext, **params: Any) -> str:
    return "handler"


class EvenConverter(BaseConverter):
    def to_python(self, value: str) -> int:
        if not value.isdecimal() or int(value) % 2:
            raise ValidationError
        return int(value)


@pytest.fixture
def app() -> Kyoukai:
    app = Kyoukai("app", converters={"even": EvenConverter})
    app.route("/")(handler)
    answering(app)
    api = Blueprint("api", prefix="/api", parent=app)
    api.route("/items", ["GET", "POST"])(handler)
    api.route("/folder/", endpoint="folder")(handler)
    answering(api)
    v2 = Blueprint("v2", prefix="/v2", parent=api)
    v2.route("/items")(handler)
    answering(v2, 404)
    quiet = Blueprint("quiet", prefix="/quiet", parent=v2)
    quiet.route("/")(handler)
    shop = Blueprint("shop", prefix="/shops/<int:shop>", parent=app)
    shop.route("/")(handler)
    answering(shop)
    answering(Blueprint("cart", prefix="/cart", parent=shop))
    answering(Blueprint("even", prefix="/<even:number>", parent=app))
    answering(Blueprint("other", prefix="/other/place", parent=app), 405)
    Blueprint("without", prefix="/other/place/without", parent=app)
    # Nothing is under it more than under the application.
    answering(Blueprint("nowhere", parent=app))
    answering(Blueprint("late", prefix="/api", parent=app))
    return app


def text(app: Kyoukai, path: str, method: str = "GET", **options: Any) -> str:
    return ask(app, path, method, **options).get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/missing", "app 404"),
        ("/apis", "app 404"),
        ("/apis/items", "app 404"),
        ("/api", "api 404"),
        ("/api/", "api 404"),
        ("/api/missing", "api 404"),
        ("/api/missing/", "api 404"),
        ("/api/missing//x", "api 404"),
        ("/api/a%0Ab", "api 404"),
        ("/api/v2", "v2 404"),
        ("/api/v2/x/y/z", "v2 404"),
        ("/api/v2x", "api 404"),
        ("/api/v2/quiet/x", "v2 404"),
        ("/shops/7/x", "shop 404"),
        ("/shops/7", "308"),
        ("/shops/x/7", "app 404"),
        ("/shops/7/cart", "cart 404"),
        ("/shops/7/cart/x", "cart 404"),
        ("/4/x", "even 404"),
        ("/5/x", "app 404"),
        ("/other/place/x", "app 404"),
        ("/other/place/without/x", "app 404"),
    ],
)
def test_deepest_blueprint_of_the_path(app: Kyoukai, path: str, expected: str) -> None:
    response = ask(app, path)
    answer = "308" if response.status_code == 308 else response.get_data(as_text=True)
    assert answer == expected


def test_a_method_that_is_not_taken(app: Kyoukai) -> None:
    response = ask(app, "/api/items", "DELETE")
    assert (response.status_code, response.get_data()) == (405, b"api 405")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    # It has a handler for 404 alone.
    assert text(app, "/api/v2/items", "DELETE") == "api 405"
    assert text(app, "/", "DELETE") == "app 405"
    assert ask(app, "/api/items", "OPTIONS").status_code == 200
    assert ask(app, "/api/folder").headers["Location"] == "http://localhost/api/folder/"


def test_hooks_are_the_applications_alone(app: Kyoukai) -> None:
    new = Kyoukai("new")
    api = Blueprint("api", prefix="/api", parent=new)
    answering(api)
    called = []

    @api.before_request
    async def never(ctx: HTTPRequestContext) -> None:
        called.append("api")

    @new.before_request
    async def before(ctx: HTTPRequestContext) -> None:
        called.append("before")

    @new.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> None:
        called.append(response.get_data(as_text=True))

    assert text(new, "/api/x") == "api 404"
    assert called == ["before", "api 404"]


def test_by_host() -> None:
    app = Kyoukai("app", server_name="example.com")
    answering(app)
    app.route("/x", ["POST"])(handler)
    api = Blueprint("api", subdomain="api", parent=app)
    answering(api)
    answering(Blueprint("below", prefix="/below", parent=api))
    answering(Blueprint("tenant", host="<tenant>.example.org", prefix="/t", parent=app))
    answering(Blueprint("everywhere", prefix="/everywhere", parent=app))

    def answer(host: str, path: str) -> str:
        return text(app, path, headers={"Host": host})

    assert answer("api.example.com:81", "/x") == "api 405"
    assert answer("API.example.com", "/") == "api 404"
    assert answer("api.example.com", "/below/x") == "below 404"
    assert answer("api.example.com", "/everywhere/x") == "api 404"
    assert answer("a.example.com", "/below/x") == "app 404"
    assert answer("a.example.com", "/everywhere/x") == "everywhere 404"
    assert answer("a.example.org", "/t/x") == "tenant 404"
    assert answer("a.example.org", "/x") == "app 405"
    assert answer("a..b", "/x") == "app 405"


def test_blueprints_without_error_handlers_are_not_searched(app: Kyoukai) -> None:
    plain = Kyoukai("app")
    answering(plain)
    Blueprint("api", prefix="/api", parent=plain).route("/")(handler)
    scopes = ErrorScopes(plain, None, by_host=False)
    assert scopes._map is None
    assert scopes.find(cast(Any, SimpleNamespace()), "/api/x").error_handlers == (plain.hooks.error_handlers,)
    assert text(plain, "/api/x") == "app 404"


@pytest.mark.parametrize("prefix", ["/<nothing:x>", "/<int(", "/<x"])
def test_invalid_prefix(prefix: str) -> None:
    app = Kyoukai("app")
    answering(Blueprint("b", prefix=prefix, parent=app))
    with pytest.raises(ConfigurationError, match=r"the prefix '.*' of blueprint 'b' cannot be used: "):
        app.finalize()


def test_a_relative_url_is_that_of_the_blueprint() -> None:
    app = Kyoukai("app")
    books = Blueprint("books", prefix="/books", parent=app)
    books.route("/", endpoint="index")(handler)

    @books.errorhandler(404)
    async def missing(ctx: HTTPRequestContext, exception: HTTPException) -> str:
        return f"{ctx.bp.name}, see {ctx.url_for('.index')}"

    assert ask(app, "/books/nowhere").get_data(as_text=True) == "books, see /books/"
    assert ask(app, "/nowhere").status_code == 404
