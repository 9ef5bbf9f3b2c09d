"""Waiting by the time in which the event loop runs.

A process may be suspended: a container is paused, a machine sleeps, a debugger stops it. When it continues,
every timer is due at once, and event loops run timers before they read what has arrived meanwhile. asyncio
does too: the interrupted wait returns no events. A timeout would then end something whose event has long
arrived.
"""

import asyncio
from collections.abc import Callable
from typing import Final

STEPS: Final = 10
"""Steps of a wait. A step that ends late by more than its length indicates a pause, and does not count."""

PAUSES: Final = 2
"""The most steps that do not count, so that the wait ends even in a loop that is blocked repeatedly."""

SHORTEST, LONGEST = 0.1, 1.0
"""Seconds of a step. Scheduling alone may delay one by some tens of milliseconds."""


async def elapse(seconds: float) -> None:
    """Wait for a number of seconds, not counting those in which the loop stood still."""
    loop = asyncio.get_running_loop()
    step = min(LONGEST, max(SHORTEST, seconds / STEPS))
    left, spare = seconds, PAUSES
    while left > 0:
        length = min(step, left)
        due = loop.time() + length
        await asyncio.sleep(length)
        if loop.time() - due <= step or not spare:
            left -= length
        else:
            spare -= 1


def call_after(seconds: float, callback: Callable[[], object]) -> "asyncio.Task[None]":
    """Call a function after a number of seconds, not counting those in which the loop stood still.

    :return: the task, which can be cancelled until then.
    """

    async def call() -> None:
        await elapse(seconds)
        callback()

    return asyncio.get_running_loop().create_task(call())
