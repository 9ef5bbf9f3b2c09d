import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asphalt.core import Context, current_context

from kyoukai.web.background import BackgroundTasks

from ..serving import error_records

number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)


def run(function: Callable[[BackgroundTasks, Context], Coroutine[Any, Any, Any]]) -> Any:
    """Return what ``function`` returns for tasks that can be created."""

    async def main() -> Any:
        async with Context() as ctx:
            tasks = BackgroundTasks()
            tasks.open(ctx)
            return await function(tasks, ctx)

    return asyncio.run(main())


async def forever() -> None:
    await asyncio.Event().wait()


def test_stop_waits_for_background_tasks() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        done = []
        go_on = asyncio.Event()

        async def work(item: int) -> None:
            await go_on.wait()
            done.append(item)

        for item in range(3):
            tasks.create(work(item))
        assert len(tasks) == 3
        asyncio.get_running_loop().call_soon(go_on.set)
        await tasks.stop(60)
        assert sorted(done) == [0, 1, 2]
        assert len(tasks) == 0

    run(main)


def test_a_stop_waits_though_others_have_ended_before() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        await tasks.create(asyncio.sleep(0))
        await asyncio.sleep(0)
        go_on = asyncio.Event()
        task = tasks.create(go_on.wait())
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        await tasks.stop(60)
        assert task.done()
        assert not task.cancelled()

    run(main)


def test_a_task_may_begin_another_while_a_stop_waits() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        seen = []

        async def second() -> None:
            seen.append("second")

        async def first() -> None:
            await asyncio.sleep(0)
            seen.append("first")
            tasks.create(second())

        tasks.create(first())
        await tasks.stop(60)
        assert seen == ["first", "second"]

    run(main)


@pytest.mark.parametrize("aborted", [False, True])
def test_remaining_tasks_are_cancelled(aborted: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        abort = asyncio.Event()
        task = tasks.create(forever(), "for ever")
        await asyncio.sleep(0)
        if aborted:
            asyncio.get_running_loop().call_soon(abort.set)
            await tasks.stop(600, abort)
        else:
            await tasks.stop(0, abort)
        assert task.cancelled()

    run(main)
    assert [record.getMessage() for record in caplog.records] == ["cancelling 1 background tasks: for ever"]


@pytest.mark.parametrize("grace", [0, 600])
def test_endless_task_is_cancelled_at_once(grace: int, caplog: pytest.LogCaptureFixture) -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        endless = tasks.create(forever(), wait=False)
        await asyncio.sleep(0)
        await tasks.stop(grace)
        assert endless.cancelled()

    run(main)
    assert not caplog.records


def test_unending_task_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kyoukai.web.background.LAST_WORDS", 0.01)

    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        go_on = asyncio.Event()

        async def stubborn() -> None:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue

        task = tasks.create(stubborn(), "mule")
        await asyncio.sleep(0)
        await tasks.stop(0)
        go_on.set()
        await task

    run(main)
    assert [record.getMessage() for record in error_records(caplog)] == [
        "1 background tasks do not end: mule"
    ]


def test_an_exception_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    failures = []

    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))

        async def fail() -> None:
            raise OSError("the disk is full")

        tasks.create(fail(), "report")
        await tasks.stop(60)

    run(main)
    [record] = error_records(caplog)
    assert record.getMessage() == "the background task report failed"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the disk is full"
    assert failures == []


def test_the_context_is_the_applications() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        async def look() -> tuple[Context, int]:
            return current_context(), number.get()

        async with Context() as inner:
            number.set(3)
            task = tasks.create(look())
            assert await task == (ctx, 3)
            assert current_context() is inner
        await tasks.stop(0)

    run(main)


def test_no_task_can_be_created_before_serving() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        await tasks.stop(0)
        with pytest.raises(RuntimeError, match="the application is not served"):
            tasks.create(forever())

    run(main)


def test_thread_may_create_a_task() -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        async def look() -> tuple[Context, int, int]:
            return current_context(), number.get(), threading.get_ident()

        def create() -> "asyncio.Task[Any]":
            number.set(4)
            return tasks.create(look())

        task = await asyncio.to_thread(create)
        assert await task == (ctx, 4, threading.get_ident())
        await tasks.stop(0)

    run(main)


def test_the_names_of_many_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def main(tasks: BackgroundTasks, ctx: Context) -> None:
        for letter in "abcdefg":
            tasks.create(forever(), letter)
        await asyncio.sleep(0)
        await tasks.stop(0)

    run(main)
    assert "cancelling 7 background tasks: a, b, c, d, e, ..." in caplog.text
