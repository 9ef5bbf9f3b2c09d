"""A loop that goes on after a SystemExit in what an application has it call by itself.

What the server calls is held to :mod:`kyoukai.core.faults` where it is called. A task or a callback of the
application's own is called by the loop, which gives up for a SystemExit and for a KeyboardInterrupt.
"""

import asyncio
import inspect
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final

from kyoukai.core.faults import is_fault

logger: Final = logging.getLogger("kyoukai.server")

REPLACED: Final = ("run_forever", "run_until_complete", "stop")
"""The methods of a loop that others take the place of."""


def outlive(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Have a loop that is run anew from here on go on after a fault, and return what undoes that.

    The exception of a task is its own: who awaits it gets it, and asyncio tells of one that nobody takes.
    That of a callback is logged here. What the loop is run for ends it by any exception: a start or a stop.
    """
    if "run_forever" in vars(loop):
        return lambda: None  # Another component has done so, or somebody has a way of their own.
    return _GoingOn(loop).undo


class _GoingOn:
    """The methods that take the place of a loop's own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._run_forever, self._run_until_complete, self._stop = (
            loop.run_forever,
            loop.run_until_complete,
            loop.stop,
        )
        self._awaited: list[asyncio.Future[Any]] = []
        self._is_forever = False
        self._is_stopping = False
        self._was_stopped = False
        vars(loop).update({name: getattr(self, name) for name in REPLACED})

    def undo(self) -> None:
        """Give the loop its own methods back."""
        for name in REPLACED:
            vars(self._loop).pop(name, None)

    def run_until_complete(self, future: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(future, loop=self._loop)
        self._awaited.append(task)
        try:
            return self._run_until_complete(task)
        finally:
            self._awaited.pop()

    def stop(self) -> None:
        if self._is_forever and self._is_stopping:
            return  # uvloop would keep a second one, and stop the next run by it.
        if self._was_stopped and self._awaited and not self._awaited[-1].done():
            # What has been asked for before was heard: this run closes what there is, and ends by itself.
            return
        self._is_stopping = True
        self._stop()

    def run_forever(self) -> None:
        # A run that began before its loop was held to this may have been stopped by now.
        self._is_stopping = False
        self._is_forever = True
        self._loop.call_soon(wake_for_signals)
        try:
            while not self._run():
                pass
        finally:
            self._is_forever = False
        self._was_stopped = True

    def _run(self) -> bool:
        """Run the loop until it is stopped, or until it gives up; return whether it was stopped."""
        try:
            self._run_forever()
        except (SystemExit, KeyboardInterrupt) as exc:
            # asyncio does not stop a loop whose own task raised one of the two: it would run for ever.
            if not is_fault(exc) or (self._awaited and _is_of(exc, self._awaited[-1])):
                raise
            if not _is_a_tasks(exc.__traceback__):
                logger.error("a callback of the loop failed", exc_info=exc)
            # A loop forgets the stop that was asked for in the turn that the exception ended.
            return self._is_stopping
        return True


def wake_for_signals() -> None:
    """Have the running loop look for signals that came while it was not running.

    uvloop keeps such a one, and calls the handler of it when the next signal comes.
    """
    if threading.current_thread() is threading.main_thread():
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        if descriptor != -1:
            # A loop reads the numbers of signals here; 0 is none.
            os.write(descriptor, b"\0")


def _is_of(exc: BaseException, future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is exc


def _is_a_tasks(traceback: TracebackType | None) -> bool:
    """Return whether an exception was raised in a task: below the loop's own frames, a coroutine is first."""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            return True
        traceback = traceback.tb_next
    return False
