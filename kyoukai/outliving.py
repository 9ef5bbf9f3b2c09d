"""A loop that goes on after a SystemExit in what an application has it call by itself.

What the server calls is held to :mod:`kyoukai.core.faults` where it is called. A task or a callback of the
application's own is called by the loop, which gives up for a SystemExit and for a KeyboardInterrupt.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final

from kyoukai.core.faults import is_fault

logger: Final = logging.getLogger("kyoukai.server")


def outlive(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Have a loop that is run anew from here on go on after a fault, and return what undoes that.

    The exception of a task is its own: who awaits it gets it, and asyncio tells of one that nobody takes.
    That of a callback is logged here. What the loop is run for ends it by any exception: a start or a stop.
    """
    attributes: dict[str, Any] = vars(loop)
    if "run_forever" in attributes:
        return lambda: None  # Another component has done so, or somebody has a way of their own.
    run_forever, run_until_complete = loop.run_forever, loop.run_until_complete
    awaited: list[asyncio.Future[Any]] = []

    def run_until(future: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(future, loop=loop)
        awaited.append(task)
        try:
            return run_until_complete(task)
        finally:
            awaited.pop()

    def run_on() -> None:
        while True:
            try:
                return run_forever()
            except (SystemExit, KeyboardInterrupt) as exc:
                # asyncio does not stop a loop whose own task raised one of the two: it would run for ever.
                if not is_fault(exc) or (awaited and _is_of(exc, awaited[-1])):
                    raise
                if not _is_a_tasks(exc.__traceback__):
                    logger.error("a callback of the loop failed", exc_info=exc)

    def undo() -> None:
        attributes.pop("run_forever", None)
        attributes.pop("run_until_complete", None)

    attributes["run_forever"] = run_on
    attributes["run_until_complete"] = run_until
    return undo


def _is_of(exc: BaseException, future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is exc


def _is_a_tasks(traceback: TracebackType | None) -> bool:
    """Return whether an exception was raised in a task: below the loop's own frames, a coroutine is first."""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            return True
        traceback = traceback.tb_next
    return False
