"""Waiting by time in which the loop goes round."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from kyoukai.core.serving import awake
from kyoukai.core.serving.awake import call_after, elapse

from ...serving import PATIENCE

Factory = Callable[[], asyncio.AbstractEventLoop]


def run(loop_factory: Factory, main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(asyncio.wait_for(main, PATIENCE))


def test_time_in_which_the_loop_stands_still_does_not_elapse(loop_factory: Factory) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(elapse(1.0))
        await asyncio.sleep(0)
        time.sleep(1.2)  # noqa: ASYNC251 - The loop is to stand still.
        for _ in range(5):
            # What has come is read in these turns.
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    run(loop_factory, main())


def test_a_loop_that_is_blocked_again_and_again_gets_to_the_end(
    loop_factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awake, "SHORTEST", 0.001)

    async def main() -> None:
        waiting = asyncio.create_task(elapse(0.005))
        while not waiting.done():
            time.sleep(0.01)  # noqa: ASYNC251 - It is what is blocked.
            await asyncio.sleep(0)

    run(loop_factory, main())


def test_no_time_has_elapsed_at_once(loop_factory: Factory) -> None:
    async def main() -> None:
        await elapse(0)

    run(loop_factory, main())


def test_a_call_is_made_or_cancelled(loop_factory: Factory) -> None:
    async def main() -> None:
        calls: list[str] = []
        called = asyncio.Event()

        def note_second() -> None:
            calls.append("second")
            called.set()

        first = call_after(0.01, lambda: calls.append("first"))
        call_after(0.02, note_second)
        first.cancel()
        await called.wait()
        assert calls == ["second"]

    run(loop_factory, main())
