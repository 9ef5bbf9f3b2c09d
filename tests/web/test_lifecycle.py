import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asphalt.core import Context

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Blueprint, Kyoukai

from ..serving import error_records


def serve(app: Kyoukai, times: int = 1) -> None:
    """Start and stop an application."""

    async def main() -> None:
        async with Context() as ctx:
            for _ in range(times):
                await app.lifecycle.start(ctx)
                await app.lifecycle.stop(60)

    asyncio.run(main())


def with_hooks(blueprint: Blueprint, seen: list[str]) -> None:
    """Let a blueprint note its start and its stop, two hooks of each kind."""
    for number in "12":
        name = f"{blueprint.name}{number}"

        @blueprint.before_serving
        async def before(ctx: Context, name: str = name) -> None:
            seen.append(f"before {name}")

        @blueprint.while_serving
        async def around(ctx: Context, name: str = name) -> AsyncIterator[None]:
            seen.append(f"begin {name}")
            yield
            seen.append(f"end {name}")

        @blueprint.after_serving
        async def after(ctx: Context, name: str = name) -> None:
            seen.append(f"after {name}")


def test_a_stop_is_a_start_in_reverse() -> None:
    seen: list[str] = []
    app = Kyoukai("a")
    with_hooks(app, seen)
    with_hooks(app.add_child(Blueprint("b")), seen)
    once = [
        *("before a1", "begin a1", "before a2", "begin a2", "before b1", "begin b1", "before b2", "begin b2"),
        *("end b2", "end b1", "after b2", "after b1", "end a2", "end a1", "after a2", "after a1"),
    ]
    serve(app, 2)
    assert seen == 2 * once


def test_hooks_get_the_context_and_may_be_plain_functions() -> None:
    app = Kyoukai("a")
    seen: list[Any] = []

    @app.before_serving
    def blocking(ctx: Context) -> None:
        seen.append(threading.current_thread() is threading.main_thread())

    @app.before_serving
    async def add(ctx: Context) -> None:
        ctx.add_resource("of the start")

    @app.after_serving
    def look(ctx: Context) -> None:
        seen.append(ctx.require_resource(str))

    serve(app)
    assert seen == [False, "of the start"]


def test_a_start_that_fails_stops_what_was_begun(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    app, first, second, third = Kyoukai("a"), Blueprint("b"), Blueprint("c"), Blueprint("d")
    for blueprint in (first, second, third):
        app.add_child(blueprint)
    tasks = []

    @app.before_serving
    async def begin(ctx: Context) -> None:
        tasks.append(app.create_task(asyncio.Event().wait(), wait=False))

    with_hooks(first, seen)

    @second.before_serving
    async def connect(ctx: Context) -> None:
        raise OSError("no database")

    @second.after_serving
    async def disconnect(ctx: Context) -> None:
        seen.append("disconnect")
        raise ValueError("was not connected")

    with_hooks(third, seen)
    with pytest.raises(OSError, match="no database") as raised:
        serve(app)
    [note] = raised.value.__notes__
    assert note.startswith("Raised by a hook before serving, ")
    assert note.endswith("connect.")
    assert seen[4:] == ["disconnect", "end b2", "end b1", "after b2", "after b1"]
    assert tasks[0].cancelled()
    [record] = error_records(caplog)
    assert "after the start had failed" in record.getMessage()


def test_every_stop_hook_is_called_despite_errors() -> None:
    seen: list[str] = []
    app = Kyoukai("a")

    @app.after_serving
    async def first(ctx: Context) -> None:
        seen.append("first")
        raise ValueError("first")

    @app.while_serving
    async def around(ctx: Context) -> AsyncIterator[None]:
        yield
        seen.append("around")
        raise ValueError("around")

    @app.after_serving
    async def last(ctx: Context) -> None:
        seen.append("last")

    with pytest.raises(BaseExceptionGroup, match="several hooks failed") as raised:
        serve(app)
    assert seen == ["around", "last", "first"]
    assert [str(error) for error in raised.value.exceptions] == ["around", "first"]
    assert "<locals>.around." in raised.value.exceptions[0].__notes__[0]


def test_tasks_end_before_the_hooks_after_serving() -> None:
    app = Kyoukai("a")
    seen: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        seen.append("work")

    @app.before_serving
    async def begin(ctx: Context) -> None:
        app.create_task(work(), name="work")

    @app.after_serving
    async def close(ctx: Context) -> None:
        seen.append("closed")

    serve(app)
    assert seen == ["work", "closed"]


def test_two_servers_are_one_start() -> None:
    app = Kyoukai("a")
    seen: list[str] = []
    with_hooks(app, seen)

    @app.before_serving
    async def take_a_while(ctx: Context) -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        async with Context() as ctx:
            await asyncio.gather(app.lifecycle.start(ctx), app.lifecycle.start(ctx))
            await app.lifecycle.stop(0)
            assert len(seen) == 4
            await app.lifecycle.stop(0)

    asyncio.run(main())
    assert len(seen) == 8
    # In another loop, once more.
    seen.clear()
    asyncio.run(main())
    assert len(seen) == 8


def generator(ctx: Context) -> Iterator[None]:
    yield


async def async_generator(ctx: Context) -> AsyncIterator[None]:
    yield


async def of_a_request(ctx: Context, response: object) -> None:
    pass


def test_hooks_are_checked_where_they_are_given() -> None:
    app = Kyoukai("a")
    for decorator in (app.before_serving, app.after_serving):
        for hook in (generator, async_generator):
            with pytest.raises(ConfigurationError, match="while_serving takes those"):
                decorator(hook)
        with pytest.raises(ConfigurationError, match=r"of_a_request is called with \(ctx\)"):
            decorator(of_a_request)
    for hook in (generator, of_a_request):
        with pytest.raises(ConfigurationError, match="a hook while serving"):
            app.while_serving(hook)
    app.finalize()
    with pytest.raises(RuntimeError, match="is finalized"):
        app.while_serving(async_generator)


def test_a_start_that_is_cancelled_waits_for_a_plain_hook_before_it_stops() -> None:
    app, begun, go_on = Kyoukai("app"), threading.Event(), threading.Event()
    order: list[str] = []

    @app.before_serving
    def before(ctx: Context) -> None:
        begun.set()
        go_on.wait(20)
        order.append("let go")

    @app.after_serving
    async def after(ctx: Context) -> None:
        order.append("stopped")

    async def main() -> None:
        async with Context() as ctx:
            task = asyncio.create_task(app.lifecycle.start(ctx))
            assert await asyncio.to_thread(begun.wait, 20)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            assert order == []
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert order == ["let go", "stopped"]
