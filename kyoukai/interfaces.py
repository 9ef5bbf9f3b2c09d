"""The interface of an application, ASGI or WSGI, found out by its signature.

The application is not called. ASGI 3 has one coroutine, ``application(scope, receive, send)``
(https://asgi.readthedocs.io/en/latest/specs/main.html#applications); WSGI has one plain call,
``application(environ, start_response)`` (PEP 3333). The number of positional arguments tells them apart. If
both numbers fit, the names of the parameters decide.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, Literal

from kyoukai.core.errors import ConfigurationError

Interface = Literal["asgi", "wsgi"]

ASGI_NAMES: Final = ("scope", "receive", "send")

WSGI_NAMES: Final = ("environ", "start_response")

POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def interface_of(application: object) -> Interface | None:
    """Return the interface of an application.

    It may be a function, a method, a partial function, an object with ``__call__``, or a class whose
    instances are the results of calls: iterables (PEP 3333), or awaitables, as Starlette's endpoints.

    :param application: any object; it is not called.
    :return: ``None`` if it has neither interface, or a signature that fits both, as ``def call(*args)``.
    :raises ConfigurationError: if it is an application of ASGI 2, which is called twice.
    """
    if not callable(application):
        return None
    own = _signature(application, follow_wrapped=False)
    if own is None:
        return None
    if _is_double(application, own):
        raise ConfigurationError(
            f"{_name(application)} is an application of ASGI 2, called as application(scope)(receive, send);"
            " make one of ASGI 3 of it: asgiref.compatibility.guarantee_single_callable(application)"
        )
    if isinstance(application, type):
        return _interface_of_class(application, own)
    found = _by_signature(own, _is_coroutine_function(application))
    wrapped = getattr(application, "__wrapped__", None)
    if found is None and callable(wrapped):
        # A decorator with `functools.wraps` that takes any arguments.
        return interface_of(wrapped)
    return found


def _is_coroutine_function(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _by_signature(signature: inspect.Signature, is_coroutine: bool) -> Interface | None:
    takes_asgi, takes_wsgi = _takes(signature, 3), _takes(signature, 2)
    if is_coroutine:
        return "asgi" if takes_asgi else None
    if takes_asgi and takes_wsgi:
        names = _positional(signature)
        if names[:3] == ASGI_NAMES:
            return "asgi"
        # Parameters beyond those of the interface must have a default.
        needed = _positional(signature, needed=True)
        return "wsgi" if names[:2] == WSGI_NAMES or len(needed) == 2 else None
    # A plain function that passes the call on may still return an awaitable.
    return "asgi" if takes_asgi else "wsgi" if takes_wsgi else None


def _interface_of_class(application: type, signature: inspect.Signature) -> Interface | None:
    if hasattr(application, "__await__") and _takes(signature, 3):
        return "asgi"
    is_iterable = hasattr(application, "__iter__") or hasattr(application, "__getitem__")
    return "wsgi" if is_iterable and _takes(signature, 2) else None


def _is_double(application: Callable[..., Any], signature: inspect.Signature) -> bool:
    """Return whether an application is one of ASGI 2: called with the scope, and its result with the rest.

    It has one parameter, the scope; or it is a class whose instances are called with the other two.
    """
    if not _takes(signature, 1) or _takes(signature, 2) or _takes(signature, 3):
        return False
    if _positional(signature) == ASGI_NAMES[:1]:
        return not isinstance(application, type) or "__call__" in dir(application)
    if not isinstance(application, type):
        return False
    call = _signature(getattr(application, "__call__", None), follow_wrapped=True)  # noqa: B004 # it is read
    return call is not None and _positional(call)[1:] == ASGI_NAMES[1:]


def _takes(signature: inspect.Signature, count: int) -> bool:
    """Return whether a call with ``count`` positional arguments and nothing else is valid."""
    try:
        signature.bind(*([None] * count))
    except TypeError:
        return False
    return True


def _positional(signature: inspect.Signature, *, needed: bool = False) -> tuple[str, ...]:
    """Return the names of positional parameters.

    :param needed: whether to leave out parameters with a default.
    """
    parameters = signature.parameters.values()
    return tuple(
        one.name
        for one in parameters
        if one.kind in POSITIONAL and not (needed and one.default is not one.empty)
    )


def _signature(function: Any, *, follow_wrapped: bool) -> inspect.Signature | None:
    try:
        return inspect.signature(function, follow_wrapped=follow_wrapped)
    except (TypeError, ValueError):
        return None  # Some callables written in C have no signature.


def _name(application: Callable[..., Any]) -> str:
    named = application if hasattr(application, "__qualname__") else type(application)
    return f"{named.__module__}.{named.__qualname__}"
