"""A loop that goes on after a SystemExit in what an application has it call by itself.

What the server calls is held to :mod:`kyoukai.core.faults` where it is called. A task or a callback of the
application's own is called by the loop, which gives up for a SystemExit and for a KeyboardInterrupt.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from kyoukai.core.faults import is_fault

logger: Final = logging.getLogger("kyoukai.server")


def outlive(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Have a loop that is run anew from here on go on after a fault, and return what undoes that.

    The exception of a task is its own: who awaits it gets it, and asyncio tells of one that nobody takes.
    That of a callback is logged here.
    """
    attributes: dict[str, Any] = vars(loop)
    if "run_forever" in attributes:
        return lambda: None  # Another component has done so, or somebody has a way of their own.
    run_forever = loop.run_forever

    def run_on() -> None:
        while True:
            try:
                return run_forever()
            except (SystemExit, KeyboardInterrupt) as exc:
                if not is_fault(exc):
                    raise
                if not _is_a_tasks(exc.__traceback__):
                    logger.error("a callback of the loop failed", exc_info=exc)

    def undo() -> None:
        attributes.pop("run_forever", None)

    attributes["run_forever"] = run_on
    return undo


def _is_a_tasks(traceback: TracebackType | None) -> bool:
    """Return whether an exception was raised in a task: below the loop's own frames, a coroutine is first."""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            return True
        traceback = traceback.tb_next
    return False
