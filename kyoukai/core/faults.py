"""Telling faults of called code from exceptions that end a task or the process.

``sys.exit()`` in a handler, or :mod:`argparse` on a wrong argument, raises SystemExit, which is no
:exc:`Exception`: an event loop lets it pass, and the process ends. An exception that an application raises is
an error of the one request being answered, whatever its class. Only exceptions that end something else pass
on:

- CancelledError, if the running task was cancelled;
- KeyboardInterrupt, if SIGINT may have raised it;
- GeneratorExit, if it was thrown into a coroutine that is closed.
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
    """Return whether ``exc`` means that this task is cancelled, and not something that it awaits."""
    if not isinstance(exc, asyncio.CancelledError) or running_loop() is None:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_fault(exc: BaseException) -> bool:
    """Return whether an exception is a fault of the called code that raised it.

    :param exc: an exception raised by a call. For one raised by awaiting a coroutine, use :func:`is_end`.
    """
    if isinstance(exc, Exception):
        return True
    if isinstance(exc, asyncio.CancelledError):
        return not is_cancelled(exc)
    return not (isinstance(exc, KeyboardInterrupt) and _may_be_a_signal(exc))


def is_end(exc: BaseException) -> bool:
    """Return whether an exception raised by a coroutine, or thrown into it, has to pass on."""
    return isinstance(exc, GeneratorExit) or not is_fault(exc)


def as_error(exc: BaseException, what: str) -> Exception:
    """Convert a fault into an exception that error handlers, futures and logs accept.

    :param what: the raising code, for the message.
    :return: ``exc`` itself if it is an :exc:`Exception`; otherwise a RuntimeError with ``exc`` as its cause.
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
    """Wrap ``function`` so that any fault is raised as an :exc:`Exception`.

    If the result is awaitable, it is wrapped too. It is for callers that handle nothing but Exception.

    :param what: the name of the function in messages.
    :param passes: exceptions that are raised unchanged.
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
