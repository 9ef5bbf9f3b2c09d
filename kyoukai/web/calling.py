"""How the functions of an application are called: handlers, hooks and error handlers alike.

A coroutine function is awaited. A generator function, asynchronous or not, is called where it is,
since the call runs none of its body. Anything else may block, and runs in a thread, by default of the loop's
default executor, within a copy of the caller's context variables; what it returns is awaited if it
can be. Methods, partial functions and callable objects are what the function within them is.
"""

import abc
import asyncio
import contextlib
import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, cast

from asphalt.core.context import _Dependency as ResourceMarker
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError

AnyFunction = Callable[..., Any]
CoroutineFunction = Callable[..., Awaitable[Any]]


STREAM_THREADS: Final = 40
"""Plain functions that may read streamed bodies at a time, in one process; anyio has as many threads."""

stream_pool: Final = ThreadPoolExecutor(STREAM_THREADS, "stream")
"""Where they run. They wait for clients, who would otherwise hold the threads that others' files need."""


class Described(abc.ABC):
    """A handler of which its class says too little: many objects of it are handlers."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """What it is called in messages."""


def is_coroutine_function(function: AnyFunction) -> bool:
    """Return whether what ``function`` returns is a coroutine."""
    return _is(inspect.iscoroutinefunction, function)


def as_coroutine_function(function: AnyFunction, pool: ThreadPoolExecutor | None = None) -> CoroutineFunction:
    """Return a coroutine function that does what ``function`` does.

    A coroutine function is returned as it is, so that nothing stands between it and its caller.

    :param pool: whose threads it runs in if it may block; by default the loop's default executor's.
    """
    if is_coroutine_function(function):
        return cast(CoroutineFunction, function)

    if _is(inspect.isasyncgenfunction, function) or _is(inspect.isgeneratorfunction, function):

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    else:

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            job = _Job(function, args, kwargs)
            work = functools.partial(copy_context().run, job.run)
            try:
                result = await asyncio.get_running_loop().run_in_executor(pool, work)
            except asyncio.CancelledError:
                job.disown()
                raise
            return await result if inspect.isawaitable(result) else result

    return call


def describe(function: AnyFunction) -> str:
    """Return the name under which the author of ``function`` will find it."""
    while isinstance(function, functools.partial):
        function = function.func
    named: object = function
    if isinstance(named, Described):
        return named.description
    name = getattr(function, "__qualname__", None)
    if name is None:
        function = type(function)
        name = function.__qualname__
    return f"{function.__module__}.{name}"


def short_name(function: AnyFunction) -> str:
    """Return the name that an endpoint takes from its handler."""
    while isinstance(function, functools.partial):
        function = function.func
    name: str = getattr(function, "__name__", type(function).__name__)
    return name


def check_call(what: str, function: object, arguments: Sequence[str], keywords: Sequence[str] = ()) -> None:
    """Check that ``function`` can be called with ``arguments`` and, by name, with ``keywords``.

    Resources that it asks for by ``resource()`` must be brought to it by Asphalt's ``@inject``.

    :param what: the noun for it in the message.
    :param arguments: what the positional arguments are called in the message.
    :raises ConfigurationError: if it cannot.
    """
    if not callable(function):
        raise ConfigurationError(f"{what} must be a function, not {function!r}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Some callables written in C do not tell.
    _check_injection(what, function)
    try:
        signature.bind(*arguments, **dict.fromkeys(keywords))
    except TypeError as exc:
        call = ", ".join([*arguments, *(f"{name}=..." for name in keywords)])
        raise ConfigurationError(f"{what} {describe(function)} is called with ({call}): {exc}") from None


def _check_injection(what: str, function: AnyFunction) -> None:
    """Check that what a parameter has for its default is no mark for a resource.

    :raises ConfigurationError: if it is: the function would be called with the mark itself.
    """
    # @inject wraps the function: its own parameters are *args and **kwargs.
    for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items():
        if isinstance(parameter.default, ResourceMarker):
            raise ConfigurationError(
                f"{what} {describe(function)} asks for the resource {name!r}, which nothing brings to it:"
                " put @inject (of asphalt.core) right above the function"
            )


def _is(predicate: Callable[[object], bool], function: AnyFunction) -> bool:
    """Return what ``predicate`` says of the function within ``function``."""
    while isinstance(function, functools.partial):
        function = function.func
    return predicate(function) or predicate(type(function).__call__)


class _Job:
    """One call of a function in a thread, whose caller may be cancelled meanwhile.

    A future that is cancelled drops the result, which nobody would close then.
    """

    __slots__ = ("_args", "_function", "_is_disowned", "_kwargs", "_results")

    def __init__(self, function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self._is_disowned = False
        self._results: list[Any] = []

    def run(self) -> Any:
        """Call it; in the thread."""
        try:
            result = self._function(*self._args, **self._kwargs)
        except StopIteration as exc:
            # A future refuses this exception, and whoever awaits it would wait for ever. A coroutine
            # turns it into the same error.
            raise RuntimeError(f"{describe(self._function)} raised StopIteration") from exc
        self._results.append(result)
        if self._is_disowned:
            self._close()
        return result

    def disown(self) -> None:
        """Have a response closed that nobody waits for any more, be it there or still to come."""
        self._is_disowned = True
        self._close()

    def _close(self) -> None:
        # Loop and thread may both be here: the one that takes it closes it.
        with contextlib.suppress(IndexError):
            result = self._results.pop()
            if isinstance(result, Response):
                result.close()
