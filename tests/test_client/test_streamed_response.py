"""Answers that are looked at as they come."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, event_stream
from kyoukai.test_client import Client

from .conftest import Using


def test_pieces_come_as_they_are_made(using: Using) -> None:
    app = Kyoukai("streaming")
    course: list[str] = []
    go_on = asyncio.Event()
    ended = asyncio.Event()

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> AsyncIterator[str]:
        try:
            yield "one"
            await go_on.wait()
            yield "two"
            course.append("waits")
            await asyncio.Event().wait()
        finally:
            course.append("ended")
            ended.set()

    async def function(client: Client) -> None:
        async with client.stream("/") as answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/html")
            assert answer.request.path == "/"
            assert await anext(aiter(answer)) == b"one"
            go_on.set()
            assert await answer.read_until(b"two") == b"two"
        await ended.wait()

    using(app, function)
    assert course[-1] == "ended"


def test_an_answer_that_ends(using: Using) -> None:
    app = Kyoukai("streaming")

    @app.route("/")
    def index(ctx: HTTPRequestContext) -> Iterator[str]:
        yield from ("one", "two", "three")

    @app.route("/whole", methods=["POST"])
    async def whole(ctx: HTTPRequestContext) -> Response:
        response = Response(ctx.request.get_data())
        response.set_cookie("a", "b")
        return response

    async def function(client: Client) -> None:
        async with client.stream("/") as answer:
            assert await answer.read() == b"onetwothree"
        async with client.stream("/") as answer:
            with pytest.raises(EOFError, match="onetwothree"):
                await answer.read_until(b"four")
        async with client.stream("/whole", method="POST", data=b"x" * 100_000) as answer:
            assert await answer.read() == b"x" * 100_000
        assert client.get_cookie("a") is not None
        async with client.stream("/missing") as answer:
            assert answer.status_code == 404

    using(app, function)


def test_events(using: Using) -> None:
    app = Kyoukai("events")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Any:
        async def events() -> AsyncIterator[str]:
            yield "first"
            await asyncio.Event().wait()

        return event_stream(ctx, events())

    async def function(client: Client) -> None:
        async with client.stream("/") as answer:
            assert answer.mimetype == "text/event-stream"
            assert b"data: first" in await answer.read_until(b"\n\n")

    using(app, function)


def test_body_is_produced_as_it_is_read() -> None:
    app = Kyoukai("streaming")
    made = 0

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> AsyncIterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield b"x" * 1000

    async def main() -> None:
        async with app.test_client() as client, client.stream("/") as answer:
            for _ in range(100):
                await asyncio.sleep(0)
            assert made < 100
            assert len(await answer.read_until(b"x" * 200_000)) >= 200_000

    asyncio.run(main())


def test_exception_of_a_body_is_raised() -> None:
    app = Kyoukai("streaming")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> AsyncIterator[bytes]:
        yield b"one"
        raise LookupError("no more")

    @app.route("/early")
    async def early(ctx: HTTPRequestContext) -> str:
        raise LookupError("none at all")

    async def main() -> None:
        async with app.test_client(raise_exceptions=True) as client:
            with pytest.raises(LookupError, match="no more"):
                await client.get("/")
            async with client.stream("/") as answer:
                with pytest.raises(LookupError, match="no more"):
                    await answer.read()
            with pytest.raises(LookupError, match="none at all"):
                async with client.stream("/early"):
                    raise AssertionError

    asyncio.run(main())
