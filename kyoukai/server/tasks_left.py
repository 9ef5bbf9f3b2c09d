"""End the tasks that are left in the event loop when a server has stopped.

Asphalt's runner closes the loop without looking at them. asyncio would report each as destroyed while
pending, and its ``finally`` blocks would run without a loop.
"""

import asyncio
import logging
from typing import Final

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

    :param last_words: seconds after which a warning names the tasks that have not ended.
    :param patience: seconds to wait after that warning.
    """
    this = asyncio.current_task()
    # A task may start another while it ends: a cancelled application stops its own parts. But one that always
    # starts its successor must not keep the process.
    for _ in range(ROUNDS):
        left = {task for task in asyncio.all_tasks() if task is not this}
        if not left:
            return
        for task in left:
            task.cancel()
        ended, pending = await asyncio.wait(left, timeout=last_words)
        if pending:
            text = "waiting up to %g seconds for cancelled tasks that do not end: %s"
            logger.warning(text, patience, ", ".join(sorted(task.get_name() for task in pending)))
            late, pending = await asyncio.wait(pending, timeout=patience)
            ended |= late
        for task in ended:
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("task %r failed when the stop cancelled it", task.get_name(), exc_info=error)
        if pending:
            return
    if left := asyncio.all_tasks() - {this}:
        text = "cancelled tasks started others %d times; the loop is closed without: %s"
        logger.warning(text, ROUNDS, ", ".join(sorted(task.get_name() for task in left)))
