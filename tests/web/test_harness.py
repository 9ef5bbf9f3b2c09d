import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from asphalt.core import Context

from kyoukai import Blueprint, ConfigurationError, HTTPRequestContext, Kyoukai
from kyoukai.testing import TestKyoukai


def run(awaitable: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await awaitable

    return asyncio.run(main())


def hello() -> Kyoukai:
    app = Kyoukai("hello")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return f"hello {ctx.request.args.get('who', '')}"

    @app.errorhandler(404)
    async def missing(ctx: HTTPRequestContext, error: Exception) -> str:
        return "not here"

    return app


def test_a_request_is_put_in() -> None:
    app = TestKyoukai("under test")

    @app.route("/echo", methods=["POST"])
    async def echo(ctx: HTTPRequestContext) -> dict[str, Any]:
        return {"body": ctx.request.get_data(as_text=True), "field": ctx.request.headers["X-Field"]}

    @app.route("/stream")
    async def stream(ctx: HTTPRequestContext) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    response = run(app.inject_request({"X-Field": "1"}, "/echo", "POST", "bödy"))
    assert (response.status_code, response.json) == (200, {"body": "bödy", "field": "1"})
    assert run(app.inject_request({}, url="/stream")).text == "ab"
    # It is not finalized by that.
    app.route("/later")(echo)
    assert run(app.inject_request({}, "/later", body="", method="GET")).status_code == 500
    assert run(app.inject_request()).status_code == 404


def test_an_application_can_be_wrapped() -> None:
    app = hello()
    test = TestKyoukai.wrap_existing_app(app)
    assert test.original_app is app
    assert run(test.inject_request({}, "/?who=you")).text == "hello you"
    app.finalize()
    assert run(test.inject_request({}, "/?who=you")).text == "hello you"
    assert app.finalized
    with pytest.raises(ConfigurationError, match="takes a Kyoukai, not 3"):
        TestKyoukai.wrap_existing_app(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("finalized", [False, True])
@pytest.mark.parametrize("debug", [False, True])
def test_a_blueprint_to_throw_away(finalized: bool, debug: bool) -> None:
    app = hello()
    app.debug = debug
    if finalized:
        app.finalize()
    before = dict(vars(app))
    test = TestKyoukai.wrap_existing_app(app)
    with test.testing_bp() as bp:
        assert isinstance(bp, Blueprint)

        @bp.route("/new")
        async def new(ctx: HTTPRequestContext) -> str:
            return ctx.url_for(".new")

        @bp.before_request
        async def refuse(ctx: HTTPRequestContext) -> str | None:
            return None if "X" in ctx.request.headers else "refused"

        assert run(test.inject_request({"X": "1"}, "/new")).text == "/new"
        assert run(test.inject_request({}, "/new")).text == "refused"
        # What was there is not, and more can be added.
        assert run(test.inject_request({}, "/")).status_code == 404
        bp.route("/")(new)
        assert run(test.inject_request({}, "/")).text == "refused"
    assert dict(vars(app)) == before
    assert bp.parent is None
    assert run(test.inject_request({}, "/")).text == "hello "
    gone = run(test.inject_request({}, "/new"))
    assert (gone.status_code, gone.text) == (404, "not here")
    assert app.finalized is finalized


def test_state_is_restored_after_an_error() -> None:
    app = TestKyoukai("under test")
    with pytest.raises(LookupError), app.testing_bp():
        raise LookupError
    assert app.children == []
    with app.testing_bp() as first:
        first.route("/")(lambda ctx: "first")
        assert run(app.inject_request()).text == "first"
    with app.testing_bp() as second:
        assert second.name != first.name
        assert run(app.inject_request()).status_code == 404


def test_the_context_of_requests() -> None:
    async def main() -> None:
        async with Context() as ctx:
            ctx.add_resource("of the current")
            assert (await TestKyoukai.wrap_existing_app(app).inject_request()).text == "of the current"
        base = Context()
        base.add_resource("of the base")
        test = TestKyoukai.wrap_existing_app(app, base_context=base)
        assert (await test.inject_request()).text == "of the base"
        assert (await TestKyoukai.wrap_existing_app(app).inject_request()).text == "None"

    app = Kyoukai("resources")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return str(ctx.get_resource(str))

    asyncio.run(main())
