"""Tasks that an application leaves in the loop of a process that ends."""

import asyncio
import logging

import pytest

from kyoukai.server.tasks_left import ROUNDS, end_tasks_left


def test_tasks_are_cancelled_and_awaited_and_their_errors_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def leave_another() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tasks.append(asyncio.create_task(fail(), name="failing"))

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("cannot close")

    async def main() -> None:
        tasks.append(asyncio.create_task(leave_another()))
        await asyncio.sleep(0)
        await end_tasks_left()
        assert [task.done() for task in tasks] == [True, True]

    asyncio.run(main())
    (record,) = caplog.records
    assert record.getMessage() == "task 'failing' failed when the stop cancelled it"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "cannot close"


@pytest.mark.parametrize("patience", [0.0, 20.0])
def test_unending_tasks_are_named(caplog: pytest.LogCaptureFixture, patience: float) -> None:
    async def stay() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await go_on.wait()

    async def main() -> None:
        task = asyncio.create_task(stay(), name="staying")
        await asyncio.sleep(0)
        if patience:
            asyncio.get_running_loop().call_later(0.02, go_on.set)
        await end_tasks_left(0.01, patience)
        assert task.done() is bool(patience)
        go_on.set()
        await asyncio.wait([task])

    go_on = asyncio.Event()
    asyncio.run(main())
    assert caplog.messages == [
        f"waiting up to {patience:g} seconds for cancelled tasks that do not end: staying"
    ]


def test_a_task_that_always_starts_its_successor_does_not_keep_the_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Twice what is expected. Without an end, a fault would be an endless loop here.
    names = iter(["watch"] * 2 * ROUNDS)

    def start(previous: object = None) -> None:
        for name in names:
            asyncio.create_task(asyncio.Event().wait(), name=name).add_done_callback(start)
            break

    async def main() -> None:
        nonlocal names
        start()
        await asyncio.sleep(0)
        await end_tasks_left()
        names = iter([])

    asyncio.run(main())
    assert caplog.messages == [
        f"cancelled tasks started others {ROUNDS} times; the loop is closed without: watch"
    ]
