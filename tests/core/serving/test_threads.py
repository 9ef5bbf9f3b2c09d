"""Work in threads, which is waited for until it lets go."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kyoukai.core.serving.strands import Strand
from kyoukai.core.serving.threads import Threads, Work, outlast, run_in_thread, threads, wait_first


class Blocking:
    """A function that lasts until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.discarded: list[str] = []

    def __call__(self) -> str:
        self.begun.set()
        self.go_on.wait(20)
        return "done"

    async def wait_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 20)


def run(main: Callable[[Threads, Blocking], Coroutine[Any, Any, None]]) -> Blocking:
    """Run ``main`` with threads of its own."""
    blocking = Blocking()

    async def start() -> None:
        threads.set(Threads())
        try:
            await main(threads.get(), blocking)
        finally:
            blocking.go_on.set()

    asyncio.run(start())
    return blocking


async def cancel(task: "asyncio.Task[Any]", times: int) -> None:
    for _ in range(times):
        task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)


def test_what_it_returns_and_raises() -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        assert await run_in_thread(lambda: 1, "one") == 1
        with pytest.raises(ZeroDivisionError):
            await run_in_thread(lambda: 1 // 0, "none")
        with pytest.raises(RuntimeError, match="stop raised StopIteration"):
            await run_in_thread(lambda: next(iter(())), "stop")
        assert not group

    run(main)


@pytest.mark.parametrize("times", [1, 5])
def test_a_cancellation_waits_for_the_thread_however_often_it_comes(times: int) -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        task = asyncio.create_task(run_in_thread(blocking, "it", discard=blocking.discarded.append))
        await blocking.wait_begun()
        await cancel(task, times)
        assert not task.done()
        assert len(group) == 1
        blocking.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert run(main).discarded == ["done"]


def test_a_cancellation_that_comes_after_the_thread_let_go_discards_the_result() -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        task = asyncio.create_task(run_in_thread(blocking, "it", discard=blocking.discarded.append))
        await asyncio.sleep(0)
        blocking.go_on.set()
        (leave,) = group._works.values()
        # It is called before the task goes on.
        leave.__self__.add_done_callback(lambda _: task.cancel())
        with pytest.raises(asyncio.CancelledError):
            await task

    assert run(main).discarded == ["done"]


def test_what_is_raised_to_nobody_leaves_the_cancellation() -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        def fail() -> None:
            blocking()
            raise ValueError

        task = asyncio.create_task(run_in_thread(fail, "it"))
        await blocking.wait_begun()
        await cancel(task, 2)
        blocking.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


@pytest.mark.parametrize("is_due", [False, True])
def test_what_has_not_begun_is_withdrawn_unless_it_is_due(is_due: bool) -> None:
    called: list[str] = []

    async def main(group: Threads, blocking: Blocking) -> None:
        with ThreadPoolExecutor(1) as pool:
            first = asyncio.create_task(run_in_thread(blocking, "first", pool=pool))
            await blocking.wait_begun()
            second = asyncio.create_task(
                run_in_thread(lambda: called.append("second"), "second", pool=pool, is_due=is_due)
            )
            await asyncio.sleep(0)
            assert "second, which waits for a thread" in str(group)
            await cancel(second, 2)
            assert second.done() is not is_due
            blocking.go_on.set()
            await first
            with pytest.raises(asyncio.CancelledError):
                await second

    run(main)
    assert called == ["second"] * is_due


def test_what_is_under_way_is_named() -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        with ThreadPoolExecutor(1, "pool") as pool:
            task = asyncio.create_task(run_in_thread(blocking, "it", pool=pool))
            await blocking.wait_begun()
            assert str(group).startswith("it in pool_0 at ")
            assert str(group).partition(" at ")[2].rpartition(":")[2].isdecimal()
            blocking.go_on.set()
            await task

    run(main)


def test_waiting_until_nothing_is_under_way() -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        await group.wait_idle()
        task = asyncio.create_task(run_in_thread(blocking, "it"))
        await blocking.wait_begun()
        waiters = [asyncio.create_task(group.wait_idle()) for _ in range(2)]
        await cancel(waiters[0], 1)
        assert waiters[0].cancelled()
        assert not waiters[1].done()
        blocking.go_on.set()
        await waiters[1]
        assert not group
        await task

    run(main)


@pytest.mark.parametrize("times", [0, 1])
def test_who_waits_is_let_go_where_the_process_is_to_end(times: int) -> None:
    async def main(group: Threads, blocking: Blocking) -> None:
        task = asyncio.create_task(run_in_thread(blocking, "it", discard=blocking.discarded.append))
        await blocking.wait_begun()
        await cancel(task, times)
        group.leave()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not blocking.discarded
        blocking.go_on.set()

    # The loop's end waits for its threads.
    assert run(main).discarded == ["done"]


def test_a_result_that_is_there_is_discarded_by_who_disowns_it() -> None:
    discarded: list[str] = []
    work = Work(lambda: "done", Strand(), "it", discarded.append)
    assert work.run() == "done"
    assert not discarded
    work.disown()
    work.disown()
    assert discarded == ["done"]


@pytest.mark.parametrize("times", [0, 3])
def test_outlasting_a_future(times: int) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(outlast(future))
        await asyncio.sleep(0)
        await cancel(task, times)
        assert not task.done()
        future.set_exception(ValueError())
        assert isinstance(future.exception(), ValueError)
        if times:
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await task

    asyncio.run(main())


def test_the_first_of_several_ends_the_wait() -> None:
    async def main() -> None:
        event = asyncio.Event()
        never = event.wait()
        await wait_first(never, asyncio.sleep(0))
        await wait_first(event.wait(), within=0.001)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
