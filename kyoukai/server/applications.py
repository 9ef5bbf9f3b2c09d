"""From ``app``, as a user writes it, to the application that is served."""

import contextlib
import importlib.util
import inspect
import operator
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

from kyoukai.core.applications.forms import AnyApplication
from kyoukai.core.contract.references import UnresolvedReferenceError, resolve
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.hosting import Hosting, host
from kyoukai.server.settings import check_type

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


def resolve_application(app: Any, settings: Mapping[str, Any] = EMPTY) -> AnyApplication:
    """Return the application that ``app`` is, or refers to as ``module:attribute`` or ``file.py:attribute``.

    One of ASGI or WSGI is wrapped in what serves it.

    :param settings: of a component: ``factory``, whether ``app`` is a function that returns the application;
        and what :class:`~kyoukai.server.hosting.Hosting` takes.
    :raises ConfigurationError: if there is none, it is no application, or a setting is no good.
    :raises BaseException: what the application's module raises when it is imported, or the factory
        when it is called, as it is.
    """
    factory, hosting = check_type(settings, "factory", False), Hosting.take(settings)
    if app is None:
        raise ConfigurationError("app is not set; it must be an application, or module:attribute")
    if isinstance(app, str) and ":" not in app:
        raise ConfigurationError(f"app is {app!r}; it must be an application, or module:attribute")
    resolved: Any = app
    name: object = _name(app)
    if isinstance(app, str):
        try:
            resolved, name = load_named(app)
        except UnresolvedReferenceError as error:
            reason = f"{error}{_where(error)}"
            raise ConfigurationError(f"app {first_of(app)!r} cannot be loaded: {reason}") from error
    if factory:
        resolved, name = _call(resolved, name), f"{name}()"
    return host(resolved, name, hosting)  # type: ignore[no-any-return]


def first_of(reference: str) -> str:
    """Return a reference with the first of the attributes that it names."""
    return reference.partition(",")[0]


def load(reference: str) -> Any:
    """Return what :func:`load_named` does, without its name."""
    return load_named(reference)[0]


def load_named(reference: str) -> tuple[Any, str]:
    """Return what ``module:attribute`` or ``file.py:attribute`` refers to, and the reference that it has.

    :param reference: with commas between several attributes, of which the first that there is, is taken.
    :raises UnresolvedReferenceError: if there is no such module or attribute.
    :raises ConfigurationError: if there is no such file, or no such attribute in it.
    :raises BaseException: what the module raises when it is imported, as it is.
    """
    path, _, attributes = reference.partition(":")
    first, *others = attributes.split(",")
    if path.endswith(".py"):
        module = load_file(Path(path))
        for attribute in (first, *others):
            with contextlib.suppress(AttributeError):
                return operator.attrgetter(attribute)(module), f"{path}:{attribute}"
        raise ConfigurationError(f"{str(path)!r} has no {first!r}{_nor(others)}")
    try:
        return resolve(f"{path}:{first}"), f"{path}:{first}"
    except UnresolvedReferenceError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise
        for attribute in others:
            with contextlib.suppress(UnresolvedReferenceError):
                return resolve(f"{path}:{attribute}"), f"{path}:{attribute}"
        raise UnresolvedReferenceError(f"{error}{_nor(others)}") from error


def load_file(path: Path) -> ModuleType:
    """Return a file as a module, which is run as one of its own.

    :raises ConfigurationError: if there is no such file.
    :raises BaseException: what the file raises, as it is.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}")
    # Its neighbours can be imported, as if Python ran it.
    sys.path.insert(0, str(path.resolve().parent))
    # A name that is taken, as `json` is by json.py, must not be taken away from its owner.
    name = path.stem if path.stem not in sys.modules else f"__{path.stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{str(path)!r} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _nor(attributes: Iterable[str]) -> str:
    return "".join(f", nor {attribute!r}" for attribute in attributes)


def _name(app: Any) -> object:
    return getattr(app, "__qualname__", None) or (app.__name__ if isinstance(app, ModuleType) else app)


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
