"""Which exceptions are faults of the code that was called, and which end a task or the process.

``sys.exit()`` in a handler, or :mod:`argparse` on a wrong argument, raises SystemExit, which is no
:exc:`Exception`: an event loop lets it pass, and the process ends. What an application raises is an error
of the one request that it was called for, whatever its class is. What ends something else passes on:

- CancelledError, where the task that runs has been cancelled;
- KeyboardInterrupt, where SIGINT may have raised it;
- GeneratorExit, where it was thrown into a coroutine that is closed.
"""

import asyncio
import functools
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from kyoukai.private_names import running_loop


def is_cancelled(exc: BaseException) -> bool:
    """Return whether ``exc`` says that this task is cancelled, and not something that it waits for."""
    if not isinstance(exc, asyncio.CancelledError) or running_loop() is None:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_fault(exc: BaseException) -> bool:
    """Return whether an exception is a fault of the code that was called, and raised it.

    :param exc: what a call raised. What was raised where a coroutine is awaited is for :func:`is_end`.
    """
    if isinstance(exc, Exception):
        return True
    if isinstance(exc, asyncio.CancelledError):
        return not is_cancelled(exc)
    return not (isinstance(exc, KeyboardInterrupt) and _may_be_a_signal(exc))


def is_end(exc: BaseException) -> bool:
    """Return whether an exception that a coroutine raised, or was given, is no fault: it is passed on."""
    return isinstance(exc, GeneratorExit) or not is_fault(exc)


def as_error(exc: BaseException, what: str) -> Exception:
    """Return a fault as what error handlers, futures and logs take.

    :param what: who raised it, for the message.
    :return: an :exc:`Exception` as it is; otherwise a RuntimeError that has ``exc`` for its cause.
    """
    if isinstance(exc, Exception):
        return exc
    error = RuntimeError(f"{what} raised {exc!r}")
    error.__cause__ = exc
    return error


def contained(
    function: Callable[..., Any],
    what: str,
    passes: tuple[type[BaseException], ...] = (Exception, asyncio.CancelledError),
) -> Callable[..., Any]:
    """Return a function that does what ``function`` does, and raises an :exc:`Exception` for any fault.

    So does what it returns where it is awaited. It is for callers who know nothing but Exception.

    :param what: what it is called in messages.
    :param passes: what is raised as it is.
    """

    async def wait(result: Awaitable[Any]) -> Any:
        try:
            return await result
        except BaseException as exc:
            if isinstance(exc, passes) or is_end(exc):
                raise
            raise as_error(exc, what) from exc

    def call(*args: Any) -> Any:
        try:
            result = function(*args)
        except BaseException as exc:
            if isinstance(exc, passes) or not is_fault(exc):
                raise
            raise as_error(exc, what) from exc
        return wait(result) if inspect.isawaitable(result) else result

    return call


def _may_be_a_signal(exc: KeyboardInterrupt) -> bool:
    """Return whether a handler of SIGINT may have raised ``exc``; a server's own raises nothing."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        return True
    while isinstance(handler, functools.partial):
        handler = handler.func
    code = getattr(handler, "__code__", None)
    traceback = exc.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return True
        traceback = traceback.tb_next
    return False
