"""Keep the event loop running after a SystemExit in the application's own tasks and callbacks.

:mod:`kyoukai.core.faults` handles such exceptions in code that the server calls. The application's own tasks
    and callbacks are called by the loop, which stops for a SystemExit or a KeyboardInterrupt.
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
"""The methods of a loop that are replaced."""


def outlive(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Make a loop continue after a fault, from its next run on; return a function that undoes this.

    A task keeps its exception: the awaiting code receives it, and asyncio reports it if nothing does. An
    exception of a callback is logged here. The coroutine that the loop runs, a start or a stop, still ends
    the loop by any exception.
    """
    if "run_forever" in vars(loop):
        return lambda: None  # Another component did this, or the application replaced the methods.
    return _GoingOn(loop).undo


class _GoingOn:
    """The replacements for a loop's methods."""

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
        """Restore the loop's own methods."""
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
            return  # uvloop would store the second stop and apply it to the next run.
        if self._was_stopped and self._awaited and not self._awaited[-1].done():
            # The earlier stop was obeyed: this run cleans up and ends by itself.
            return
        self._is_stopping = True
        self._stop()

    def run_forever(self) -> None:
        # If the methods were replaced during a run, that run may have been stopped since.
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
        """Run the loop until it stops or an exception ends it; return whether it was stopped."""
        try:
            self._run_forever()
        except (SystemExit, KeyboardInterrupt) as exc:
            # If the main task itself raised one of the two, asyncio does not stop the loop: it would run
            # forever.
            if not is_fault(exc) or (self._awaited and _is_of(exc, self._awaited[-1])):
                raise
            if not _is_a_tasks(exc.__traceback__):
                logger.error("a callback of the loop failed", exc_info=exc)
            # A loop loses a stop that was requested in the turn that the exception ended.
            return self._is_stopping
        return True


def wake_for_signals() -> None:
    """Make the running loop handle signals that arrived while it was not running.

    uvloop stores such a signal, and calls its handler only when the next signal arrives.
    """
    if threading.current_thread() is threading.main_thread():
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        if descriptor != -1:
            # The loop reads signal numbers from this descriptor; 0 is not a signal.
            os.write(descriptor, b"\0")


def _is_of(exc: BaseException, future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is exc


def _is_a_tasks(traceback: TracebackType | None) -> bool:
    """Return whether an exception was raised in a task: its traceback contains a coroutine."""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            return True
        traceback = traceback.tb_next
    return False
