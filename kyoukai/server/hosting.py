"""Wrap an application of any interface so that the server can call it.

A Kyoukai application is served directly. An ASGI or WSGI application is wrapped. The interface follows from
the ``interface`` setting or, by default, from the application's signature.
"""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final, NoReturn

from kyoukai.core.errors import ConfigurationError
from kyoukai.interfaces import interface_of
from kyoukai.server.settings import check_mapping, check_type

AUTO: Final = "auto"
OWN: Final = "kyoukai"
ASGI: Final = "asgi"
WSGI: Final = "wsgi"

INTERFACES: Final = (AUTO, OWN, ASGI, WSGI)

LIFESPANS: Final = ("auto", "on", "off")

HOSTING: Final = frozenset({"interface", "root_path", "lifespan", "websocket_options"})
"""The settings of a component about serving ASGI and WSGI applications."""

CALLS: Final = {ASGI: "(scope, receive, send)", WSGI: "(environ, start_response)"}

ROOT_PATH: Final = re.compile(r"(?:/[^/?#\s\x00-\x1f\x7f]+)*")


@dataclasses.dataclass(frozen=True, slots=True)
class Hosting:
    """How to serve an application that may have another interface."""

    interface: str = AUTO
    """One of :data:`INTERFACES`."""
    root_path: str = ""
    """The path prefix that a proxy removes in front of an ASGI or WSGI application."""
    lifespan: str = "auto"
    """Whether to run the lifespan of an ASGI application; one of :data:`LIFESPANS`."""
    websocket_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Limits and deadlines of an ASGI application's WebSockets, by name."""

    @classmethod
    def take(cls, settings: Mapping[str, Any]) -> "Hosting":
        """Read the settings of a component.

        :raises ConfigurationError: if one of them is invalid.
        """
        interface = _check_choice("interface", check_type(settings, "interface", AUTO), INTERFACES)
        root_path = check_type(settings, "root_path", "")
        if ROOT_PATH.fullmatch(root_path) is None:
            raise ConfigurationError(
                f"root_path is {root_path!r}; it must be a path that begins with '/' and does not end with it"
            )
        lifespan = _check_choice("lifespan", check_type(settings, "lifespan", "auto"), LIFESPANS)
        options = check_mapping("websocket_options", settings.get("websocket_options"))
        return cls(interface, root_path, lifespan, options)


def host(app: Any, name: object, hosting: Hosting) -> Any:
    """Return ``app`` itself if it is a Kyoukai application, or else a wrapper that serves it.

    :param name: its name in messages.
    :raises ConfigurationError: if it is not an application, or not of the configured interface.
    """
    kind = find_interface(app, name, hosting.interface)
    if kind == OWN:
        _check_unused(name, hosting)
        return app
    if kind == WSGI:
        from kyoukai.wsgi import WSGIApplication

        if hosting.lifespan == "on":
            raise ConfigurationError(
                f"lifespan is 'on', but app {name!r} is a WSGI application, which has none: leave it out"
            )
        if hosting.websocket_options:
            raise ConfigurationError(
                f"websocket_options is set, but app {name!r} is a WSGI application, which has no WebSockets"
            )
        return WSGIApplication(app, root_path=hosting.root_path)
    from kyoukai.asgi import ASGIApplication

    options = {"root_path": hosting.root_path, "lifespan": hosting.lifespan}
    return ASGIApplication(app, websocket=hosting.websocket_options, **options)


def interface_served(app: Any) -> str:
    """Return the interface of an application that :func:`host` returned, for the log."""
    served: str = getattr(app, "interface", OWN)
    return served


def find_interface(app: Any, name: object, wanted: str) -> str:
    """Return the interface to serve ``app`` by: ``kyoukai``, ``asgi`` or ``wsgi``.

    :param name: its name in messages.
    :param wanted: one of :data:`INTERFACES`.
    :raises ConfigurationError: if it is not an application, or not of the wanted interface.
    """
    is_own = not isinstance(app, type) and (
        hasattr(app, "process_exchange") or hasattr(app, "process_request")
    )
    if is_own and wanted in (AUTO, OWN, interface_served(app)):
        _check_own(app, name)
        return OWN
    found = interface_of(app)
    if found is not None and wanted in (AUTO, found):
        return found
    if is_own or found is not None:
        kind = "one of Kyoukai" if is_own else f"one of {str(found).upper()}"
        right = OWN if is_own else found
        raise ConfigurationError(
            f"app {name!r} is not an application of {wanted}, but {kind}: set interface, or --interface, to "
            f"{right}"
        )
    if wanted not in CALLS:
        _fail(app, name)
    _check_call(app, name, wanted)
    return wanted


def _check_own(app: Any, name: object) -> None:
    if hasattr(app, "process_exchange"):
        return
    for attribute in ("request_class", "process_request"):
        if not hasattr(app, attribute):
            raise ConfigurationError(f"app {name!r} is not an application: it has no {attribute}")


def _check_unused(name: object, hosting: Hosting) -> None:
    """Check that no setting is given that a Kyoukai application does not use."""
    for setting in ("root_path", "lifespan", "websocket_options"):
        if getattr(hosting, setting) != getattr(Hosting(), setting):
            raise ConfigurationError(
                f"{setting} is only for ASGI and WSGI applications, and app {name!r} is one of Kyoukai"
            )


def _check_call(app: Any, name: object, wanted: str) -> None:
    """Check that an application can be called with the arguments of the configured interface."""
    arguments = CALLS[wanted]
    if isinstance(app, type) or not callable(app) or not _takes(app, arguments.count(",") + 1):
        makes = "; if it returns an application, set factory, or --factory" if callable(app) else ""
        raise ConfigurationError(
            f"app {name!r} cannot be called with {arguments}, as an application of {wanted.upper()} is{makes}"
        )


def _takes(function: Any, count: int) -> bool:
    try:
        inspect.signature(function, follow_wrapped=False).bind(*([None] * count))
    except TypeError:
        return False
    except ValueError:
        pass  # A built-in may have no signature.
    return True


def _fail(app: Any, name: object) -> NoReturn:
    """Raise an error that says why something is not a usable application.

    :raises ConfigurationError: always.
    """
    if isinstance(app, ModuleType):
        reason = "is a module, not an application: name an object in it, as module:attribute"
    elif isinstance(app, type):
        reason = (
            "is a class, not an application; if it can be called without arguments, set factory, or --factory"
        )
    elif callable(app) and not inspect.iscoroutinefunction(app) and (_takes(app, 2) or _takes(app, 3)):
        reason = (
            "can be called in several ways, and may be an application of ASGI or of WSGI: set interface, or "
            "--interface, to asgi or wsgi"
        )
    elif inspect.iscoroutinefunction(app):
        reason = "is a coroutine function, not an application"
    elif inspect.isroutine(app):
        reason = "is a function, not an application; if it returns one, set factory, or --factory"
    else:
        reason = "is not an application: it has no request_class"
    raise ConfigurationError(f"app {name!r} {reason}")


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> str:
    lowered = value.lower()
    if lowered not in known:
        raise ConfigurationError(f"{name} is {value!r}; it must be one of {', '.join(known)}")
    return lowered
