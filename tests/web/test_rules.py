"""The rules that the routes of a tree are made into."""

import re
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai

from .asking import ask


async def index(ctx: HTTPRequestContext, **params: Any) -> str:
    return f"{ctx.request.method} {ctx.params}"


async def other(ctx: HTTPRequestContext, **params: Any) -> str:
    return f"other {ctx.request.method}"


@pytest.mark.parametrize("order", [["GET", "HEAD"], ["HEAD", "GET"]])
def test_a_route_of_its_own_for_head(order: list[str]) -> None:
    app = Kyoukai("app")
    for method in order:
        app.route("/", [method], endpoint=method.lower())(other if method == "HEAD" else index)
    assert ask(app, "/", "HEAD").get_data() == b"other HEAD"
    assert ask(app, "/").get_data() == b"GET {}"
    assert ask(app, "/", "POST").headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (
            "/<colour:x>",
            "the converter 'colour' does not exist; known: any, default, float, int, path, string, uuid",
        ),
        ("/<integer:x>", "the converter 'integer' does not exist; did you mean int?"),
        ("/<int:x", "malformed url rule"),
        ("/<int(foo=3):x>", ""),
        ("/<x>/<x>", "it has the variable 'x' twice"),
    ],
)
def test_rules_that_cannot_be_read(url: str, reason: str) -> None:
    app = Kyoukai("app")
    Blueprint("b", prefix="/p", parent=app).route(url)(index)
    message = re.escape(f"the rule '/p{url}' of {__name__}.index cannot be used: {reason}")
    with pytest.raises(ConfigurationError, match=message):
        app.finalize()


def test_a_variable_of_the_prefix_is_not_repeated() -> None:
    app = Kyoukai("app")
    Blueprint("b", prefix="/<x>", parent=app).route("/<x>")(index)
    with pytest.raises(ConfigurationError, match=r"'/<x>/<x>' .* it has the variable 'x' twice"):
        app.finalize()


def test_a_route_that_would_never_be_called() -> None:
    app = Kyoukai("app")
    app.route("/a/b")(index)
    Blueprint("b", prefix="/a", parent=app).route("/b", ["POST", "GET"])(other)
    with pytest.raises(ConfigurationError, match=r"GET '/a/b' is answered by .*index already, and .*other"):
        app.finalize()
