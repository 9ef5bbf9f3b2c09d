"""Waiting by time in which the event loop goes round.

A process may stand still: a container is paused, a machine sleeps, a debugger holds it. When it goes on,
every timer is due at once, and loops serve timers before they read what has come meanwhile: asyncio too, as
the wait that was interrupted returns nothing. What is ended then for want of an event may long have had it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

STEPS: Final = 10
"""Steps of a wait. One that ends late by more than its own length tells of a pause, and does not count."""

PAUSES: Final = 2
"""How many do not count at most: a loop that is blocked again and again, by what it serves, gets to the end,
too."""

SHORTEST, LONGEST = 0.1, 1.0
"""Seconds of a step. Scheduling alone makes one late by some tens of milliseconds."""


async def elapse(seconds: float) -> None:
    """Wait so many seconds, without those in which the loop stood still."""
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
    """Call a function after so many seconds, without those in which the loop stood still.

    :return: what can be cancelled until then.
    """

    async def call() -> None:
        await elapse(seconds)
        callback()

    return asyncio.get_running_loop().create_task(call())
