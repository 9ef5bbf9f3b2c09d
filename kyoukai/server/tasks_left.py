"""End the tasks that are left in the event loop when a server has stopped.

Asphalt's runner closes the loop without looking at them. asyncio would report each as destroyed while
pending, and its ``finally`` blocks would run without a loop.
"""

import asyncio
import contextlib
import logging
import signal
from typing import Any, Final

from kyoukai.server.signals import forgive, signals_call
from kyoukai.server.starting import free_signals

logger: Final = logging.getLogger("kyoukai.server")

LAST_WORDS: Final = 1.0
"""Seconds that cancelled tasks have to end before they are logged."""

PATIENCE: Final = 10.0
"""Seconds that cancelled tasks have to end before the loop is closed without them. asyncio.run waits without
limit.
"""

ROUNDS: Final = 10
"""How many times tasks are cancelled, including those that cancelled tasks start."""


async def end_tasks_left(last_words: float = LAST_WORDS, patience: float = PATIENCE) -> None:
    """Cancel all other tasks of the running loop, wait for them, and log their exceptions.

    A signal ends the wait at once.

    :param last_words: seconds after which a warning names the tasks that have not ended.
    :param patience: seconds to wait after that warning.
    """
    wait = Wait()
    forgiven = [number for number in free_signals(forgive) if signal.getsignal(number) is forgive]
    with signals_call(wait.abort, forgiven):
        await _end_tasks(wait, last_words, patience)


async def _end_tasks(wait: "Wait", last_words: float, patience: float) -> None:
    this = asyncio.current_task()
    # A task may start another while it ends: a cancelled application stops its own parts. But one that always
    # starts its successor must not keep the process.
    for _ in range(ROUNDS):
        left = {task for task in asyncio.all_tasks() if task is not this}
        if not left:
            return
        for task in left:
            task.cancel()
        pending = await wait.until_done(left, last_words)
        if pending and wait.is_aborted:
            logger.warning("a signal ended the wait for cancelled tasks that do not end: %s", _names(pending))
        elif pending:
            text = "waiting up to %g seconds for cancelled tasks that do not end: %s"
            logger.warning(text, patience, _names(pending))
            pending = await wait.until_done(pending, patience)
        for task in left - pending:
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("task %r failed when the stop cancelled it", task.get_name(), exc_info=error)
        if pending:
            _expect_destroyed(pending)
            return
    if left := asyncio.all_tasks() - {this}:
        text = "cancelled tasks started others %d times; the loop is closed without: %s"
        logger.warning(text, ROUNDS, _names(left))
        _expect_destroyed(left)


class Wait:
    """A wait for tasks that a signal ends."""

    def __init__(self) -> None:
        self.is_aborted = False
        self.limit: asyncio.Timeout | None = None

    async def until_done(self, tasks: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
        """Return the tasks that have not ended after so many seconds, or at the signal."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds) as self.limit:
                await asyncio.wait(tasks)
        self.limit = None
        return {task for task in tasks if not task.done()}

    def abort(self) -> None:
        """End the wait in progress."""
        if self.limit is not None:
            self.is_aborted = True
            self.limit.reschedule(0)


def _expect_destroyed(tasks: set[asyncio.Task[Any]]) -> None:
    """Let asyncio not report tasks as destroyed that the log has named already."""
    loop = asyncio.get_running_loop()
    names = {task.get_name() for task in tasks}  # The tasks themselves would be kept.
    report = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task = context.get("task")
        if isinstance(task, asyncio.Task) and not task.done() and task.get_name() in names:
            return
        if report is not None:
            report(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _names(tasks: set[asyncio.Task[Any]]) -> str:
    return ", ".join(sorted(task.get_name() for task in tasks))
