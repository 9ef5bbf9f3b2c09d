"""How the functions of an application are called: handlers, hooks and error handlers alike.

A coroutine function is awaited. A generator function, asynchronous or not, is called where it is,
since the call runs none of its body. Anything else may block, and runs in a thread, by default of the loop's
default executor, within a copy of the caller's context variables; what it returns is awaited if it
can be. So does what closes what it returned. Methods, partial functions and callable objects are what the
function within them is.
"""

import abc
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.closing import close_quietly
from kyoukai.core.serving.strands import Strand, adopt, note_strand
from kyoukai.core.serving.threads import run_in_thread
from kyoukai.private_names import ResourceMarker, close_callbacks

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
        name = describe(function)

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            strand = Strand()
            work = functools.partial(_call_in, strand, function, args, kwargs)
            result = await run_in_thread(work, name, strand, pool, discard=_discard)
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


def locate(function: AnyFunction) -> str:
    """Return the name of ``function``, and the line that it begins at, where it has one."""
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    inner = inspect.unwrap(inner)
    code = getattr(inner, "__code__", None) or getattr(getattr(inner, "__func__", None), "__code__", None)
    return describe(function) + (f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else "")


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


def _call_in(strand: Strand, function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``function``, in a thread, and let what it returns and whom it has call back be closed there."""
    given = [(arg, len(close_callbacks(arg))) for arg in args if isinstance(arg, Response)]
    try:
        result = function(*args, **kwargs)
    finally:
        for response, known in given:
            adopt(response, strand, known)
    body = result[0] if isinstance(result, tuple) and result else result
    if isinstance(body, Response):
        if all(body is not response for response, _ in given):
            adopt(body, strand)
            note_strand(body.response, strand)
    elif isinstance(body, Iterator):
        note_strand(body, strand)
    return result


def _discard(result: Any) -> None:
    """Close what a function returned to nobody; in its thread."""
    body = result[0] if isinstance(result, tuple) and result else result
    if isinstance(body, Response | Iterator) or inspect.iscoroutine(body):
        close: Any = body
        if hasattr(close, "close"):
            close_quietly(close)
