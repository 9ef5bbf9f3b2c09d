"""Find the application that the ``app`` setting refers to."""

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
    """Return the application for ``app``: an object, ``module:attribute`` or ``file.py:attribute``.

    An ASGI or WSGI application is wrapped for serving.

    :param settings: settings of a component: ``factory``, whether ``app`` is a function that returns the
        application, and those of :class:`~kyoukai.server.hosting.Hosting`.
    :raises ConfigurationError: if it is not found or not an application, or if a setting is invalid.
    :raises BaseException: any exception of the application's module or factory, unchanged.
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
    """Return the reference with only the first of its attributes."""
    return reference.partition(",")[0]


def load(reference: str) -> Any:
    """Return the object that :func:`load_named` finds, without its name."""
    return load_named(reference)[0]


def load_named(reference: str) -> tuple[Any, str]:
    """Return the object of ``module:attribute`` or ``file.py:attribute``, with its exact reference.

    :param reference: may list several attributes, separated by commas; the first that exists is used.
    :raises UnresolvedReferenceError: if the module or the attribute does not exist.
    :raises ConfigurationError: if the file or its attribute does not exist.
    :raises BaseException: any exception of the module's import, unchanged.
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
    """Run a file as a module, and return the module.

    :raises ConfigurationError: if the file does not exist.
    :raises BaseException: any exception of the file, unchanged.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}")
    # Make modules beside the file importable, as Python does for a script.
    sys.path.insert(0, str(path.resolve().parent))
    # Do not replace a module of the same name: the file may be called json.py.
    name = path.stem if path.stem not in sys.modules else f"__{path.stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{str(path)!r} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _nor(attributes: Iterable[str]) -> str:
    return "".join(f", nor {attribute!r}" for attribute in attributes)


def _name(app: Any) -> object:
    return getattr(app, "__qualname__", None) or (app.__name__ if isinstance(app, ModuleType) else app)


def _where(error: UnresolvedReferenceError) -> str:
    """Return where a missing module was looked for."""
    if not isinstance(error.__cause__, ModuleNotFoundError):
        return ""
    # An empty entry means the current folder.
    folder = os.path.abspath(sys.path[0] if sys.path else "")
    return f" in {folder}, nor elsewhere on Python's path; --app-dir names another folder"


def _call(factory: Any, name: object) -> Any:
    """Call a factory and return its result.

    :raises ConfigurationError: if it is not a factory.
    """
    if not callable(factory):
        raise ConfigurationError(
            f"app {name!r} is not a factory, but of the type {type(factory).__name__}; factory is for a "
            "function that returns the application"
        )
    if inspect.iscoroutinefunction(factory):
        raise ConfigurationError(
            f"app {name!r} is a coroutine function; a factory is a plain function: await things "
            "in a before_serving hook instead"
        )
    try:
        signature = inspect.signature(factory)
    except ValueError:
        pass  # A built-in may have no signature.
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
