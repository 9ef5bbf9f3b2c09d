"""How the functions of an application are called: handlers, hooks and error handlers alike.

A coroutine function is awaited. A generator function, asynchronous or not, is called where it is,
since the call runs none of its body. Anything else may block, and runs in a thread, by default of the loop's
default executor, within a copy of the caller's context variables; what it returns is awaited if it
can be. Methods, partial functions and callable objects are what the function within them is.
"""

import abc
import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, cast

from asphalt.core.context import _Dependency as ResourceMarker

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
            work = functools.partial(copy_context().run, _run, function, args, kwargs)
            result = await asyncio.get_running_loop().run_in_executor(pool, work)
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


def _run(function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``function`` in a thread."""
    try:
        return function(*args, **kwargs)
    except StopIteration as exc:
        # A future refuses this exception, and whoever awaits it would wait for ever. A coroutine
        # turns it into the same error.
        raise RuntimeError(f"{describe(function)} raised StopIteration") from exc
