"""How handlers, hooks and error handlers are called.

A coroutine function is awaited. A generator function, async or not, is called in place: the call does not run
its body. Any other function may block: it runs in a thread, by default of the loop's default executor, in a
copy of the caller's context variables. If it returns an awaitable, this is awaited; if its result has to be
closed, this happens in a thread too. Methods, partials and callable objects are treated like the function
inside.
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
"""The most plain functions that read streamed bodies at a time, per process; anyio's default for threads."""

stream_pool: Final = ThreadPoolExecutor(STREAM_THREADS, "stream")
"""Return the threads for them. They wait for clients, so they must not occupy the threads for files."""


class Described(abc.ABC):
    """A handler with its own description: its class does not identify it."""

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """The name in messages."""


def is_coroutine_function(function: AnyFunction) -> bool:
    """Return whether ``function`` returns a coroutine."""
    return _is(inspect.iscoroutinefunction, function)


def as_coroutine_function(function: AnyFunction, pool: ThreadPoolExecutor | None = None) -> CoroutineFunction:
    """Return a coroutine function that calls ``function``.

    A coroutine function is returned unchanged, so that nothing stands between it and its caller.

    :param pool: the threads for a function that may block; by default the loop's default executor.
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
    """Return a name by which the author of ``function`` will find it."""
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
    """Return the name of ``function``, and its first line if known."""
    found = find_line(function)
    return describe(function) + (f" ({found[0]}:{found[1]})" if found is not None else "")


def find_line(function: AnyFunction) -> tuple[str, int] | None:
    """Return the file and the first line of ``function``; ``None`` if it is not written in Python."""
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    inner = inspect.unwrap(inner)
    code = getattr(inner, "__code__", None) or getattr(getattr(inner, "__func__", None), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else None


def short_name(function: AnyFunction) -> str:
    """Return the default endpoint of a handler."""
    while isinstance(function, functools.partial):
        function = function.func
    name: str = getattr(function, "__name__", type(function).__name__)
    return name


def check_call(what: str, function: object, arguments: Sequence[str], keywords: Sequence[str] = ()) -> None:
    """Check that ``function`` can be called with ``arguments`` and, by name, with ``keywords``.

    If it asks for resources by ``resource()``, it must be decorated by Asphalt's ``@inject``.

    :param what: the kind of function, for messages.
    :param arguments: the names of the positional arguments in messages.
    :raises ConfigurationError: if it cannot be called so.
    """
    if not callable(function):
        raise ConfigurationError(f"{what} must be a function, not {function!r}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Some callables written in C have no signature.
    _check_injection(what, function)
    try:
        signature.bind(*arguments, **dict.fromkeys(keywords))
    except TypeError as exc:
        call = ", ".join([*arguments, *(f"{name}=..." for name in keywords)])
        raise ConfigurationError(f"{what} {describe(function)} is called with ({call}): {exc}") from None


def _check_injection(what: str, function: AnyFunction) -> None:
    """Check that the default of a parameter is not a marker for a resource.

    :raises ConfigurationError: if it is: the function would be called with the marker itself.
    """
    # A function wrapped by @inject has the parameters *args and **kwargs.
    for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items():
        if isinstance(parameter.default, ResourceMarker):
            raise ConfigurationError(
                f"{what} {describe(function)} asks for the resource {name!r}, but is not injected;"
                " put @inject (of asphalt.core) right above the function"
            )


def _is(predicate: Callable[[object], bool], function: AnyFunction) -> bool:
    """Return the result of ``predicate`` for the function inside ``function``."""
    while isinstance(function, functools.partial):
        function = function.func
    return predicate(function) or predicate(type(function).__call__)


def _call_in(strand: Strand, function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``function`` in a thread, where its results and callbacks are closed too."""
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
    """Close a result that nobody waits for, in its thread."""
    body = result[0] if isinstance(result, tuple) and result else result
    if isinstance(body, Response | Iterator) or inspect.iscoroutine(body):
        close: Any = body
        if hasattr(close, "close"):
            close_quietly(close)
