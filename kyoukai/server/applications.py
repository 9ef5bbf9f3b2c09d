"""From ``app``, as a user writes it, to the application that is served."""

import inspect
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from kyoukai.core.applications.forms import AnyApplication
from kyoukai.core.contract.references import UnresolvedReferenceError, resolve
from kyoukai.core.errors import ConfigurationError


def resolve_application(
    app: AnyApplication | Callable[[], AnyApplication] | str | None, *, factory: bool = False
) -> AnyApplication:
    """Return the application that ``app`` is, or refers to as ``module:attribute``.

    :param factory: whether it is a function that returns the application.
    :raises ConfigurationError: if there is none, or it is no application.
    :raises BaseException: what the application's module raises when it is imported, or the factory
        when it is called, as it is.
    """
    if app is None:
        raise ConfigurationError("app is not set; it must be an application, or module:attribute")
    if isinstance(app, str) and ":" not in app:
        raise ConfigurationError(f"app is {app!r}; it must be an application, or module:attribute")
    try:
        resolved: Any = resolve(app) if isinstance(app, str) else app
    except UnresolvedReferenceError as error:
        raise ConfigurationError(f"app {app!r} cannot be loaded: {error}{_where(error)}") from error
    name = app if isinstance(app, str) else getattr(app, "__qualname__", None) or app
    if factory:
        resolved, name = _call(resolved, name), f"{name}()"
    _check(resolved, name)
    return resolved  # type: ignore[no-any-return]


def _where(error: UnresolvedReferenceError) -> str:
    """Return where a module was looked for that is not there."""
    if not isinstance(error.__cause__, ModuleNotFoundError):
        return ""
    # An empty entry is the current folder.
    folder = os.path.abspath(sys.path[0] if sys.path else "")
    return f" in {folder}, nor elsewhere on Python's path; --app-dir names another folder"


def _call(factory: Any, name: object) -> Any:
    """Return what a factory returns.

    :raises ConfigurationError: if it is none.
    """
    if not callable(factory):
        raise ConfigurationError(
            f"app {name!r} is no factory, but of the type {type(factory).__name__}; factory is for a "
            "function that returns the application"
        )
    if inspect.iscoroutinefunction(factory):
        raise ConfigurationError(
            f"app {name!r} is a coroutine function; a factory is a plain function, and what it has to "
            "wait for belongs into a hook before serving"
        )
    try:
        signature = inspect.signature(factory)
    except ValueError:
        pass  # What is built in may have none.
    else:
        try:
            signature.bind()
        except TypeError as error:
            raise ConfigurationError(
                f"app {name!r} cannot be called without arguments, as a factory is: {error}"
            ) from None
    made = factory()
    if inspect.isawaitable(made):
        if inspect.iscoroutine(made):
            made.close()
        raise ConfigurationError(
            f"app {name!r} returns an awaitable; a factory returns the application itself"
        )
    return made


def _check(app: Any, name: object) -> None:
    if isinstance(app, type):
        raise ConfigurationError(
            f"app {name!r} is a class, and no application; if it can be called without arguments, "
            "set factory, or --factory"
        )
    if inspect.iscoroutinefunction(app):
        raise ConfigurationError(f"app {name!r} is a coroutine function, and no application")
    if inspect.isroutine(app):
        raise ConfigurationError(
            f"app {name!r} is a function, and no application; if it returns one, set factory, or --factory"
        )
    if hasattr(app, "process_exchange"):
        return
    for attribute in ("request_class", "process_request"):
        if not hasattr(app, attribute):
            is_callable = callable(app) and not isinstance(app, ModuleType)
            hint = "; if it is one of WSGI, mount it in a Kyoukai application" if is_callable else ""
            raise ConfigurationError(f"app {name!r} is no application: it has no {attribute}{hint}")
