"""Components that a client starts before the application."""

import asyncio

import pytest
from asphalt.core import Component, Context, context_teardown

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import Client

from .conftest import Using

seen: list[str] = []


class Greeting(Component):
    def __init__(self, text: str) -> None:
        self.text = text

    @context_teardown
    async def start(self, ctx):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        ctx.add_resource(self.text)
        seen.append("component started")
        yield
        seen.append("component stopped")


def test_components(using: Using) -> None:
    seen.clear()
    app = Kyoukai("greeting")

    @app.before_serving
    async def start(ctx: Context) -> None:
        seen.append(ctx.require_resource(str))

    @app.after_serving
    async def stop(ctx: Context) -> None:
        seen.append("stop")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.require_resource(str)

    async def function(client: Client) -> None:
        assert (await client.get("/")).text == "hello"

    settings = {"greeting": {"type": Greeting, "text": "hello"}}
    using(app, function, components=settings)
    assert seen == ["component started", "hello", "stop", "component stopped"]
    assert settings == {"greeting": {"type": Greeting, "text": "hello"}}


def test_failing_component(using: Using) -> None:
    async def function(client: Client) -> None:
        raise AssertionError

    with pytest.raises(LookupError):
        using(Kyoukai("a"), function, components={"no_such_component": None})
