"""Signals that stop the loop, whatever run of it they come in."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asphalt.core import Context

from kyoukai.server.signals import interruptible
from tests.serving import PATIENCE


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever handlers a test sets are gone afterwards."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def pause() -> None:
    """Stand still, as a paused container does: no clock tells afterwards how many turns there were."""
    time.sleep(0.15)


@pytest.mark.parametrize("turns", range(6))
def test_a_stop_in_the_last_turns_of_the_start_is_not_forgotten(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], turns: int
) -> None:
    """As Asphalt's runner has them: one run for the start, then one until it is stopped."""
    loop = loop_factory()
    ctx = Context()
    late: list[str] = []

    def stop_later(stop: Callable[[], object], remaining: int) -> None:
        if remaining:
            loop.call_soon(stop_later, stop, remaining - 1)
        else:
            stop()

    async def start() -> Any:
        interruption = interruptible(ctx)
        _, stop = interruption.__enter__()
        pause()
        stop_later(stop, turns)
        return interruption

    def be_late() -> None:
        late.append("the loop was not stopped")
        loop.stop()

    try:
        interruption = loop.run_until_complete(asyncio.wait_for(start(), PATIENCE))
        loop.add_signal_handler(signal.SIGTERM, loop.stop)
        loop.call_later(PATIENCE, be_late)
        loop.run_forever()
        interruption.__exit__(None, None, None)
    finally:
        loop.close()
    assert not late
