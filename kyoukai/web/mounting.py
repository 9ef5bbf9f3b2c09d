"""Finds the interface of a mounted application, and adds its routes and its lifespan to a blueprint."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kyoukai.core.errors import ConfigurationError
from kyoukai.interfaces import Interface, interface_of

from .calling import describe, is_coroutine_function
from .mounts import make_routes, make_websocket_routes
from .route import Route
from .wsgi import THREADS, WSGIMount


class Mounted(NamedTuple):
    """What a mounted application adds to a blueprint."""

    routes: list[Route]
    live: Callable[..., Any] | None
    """Runs while the application is served."""


def mount_application(
    prefix: str,
    application: Any,
    *,
    interface: str | None,
    endpoint: str | None,
    extra_methods: Iterable[str],
    threads: int | None,
    lifespan: str | None,
    websocket: Mapping[str, Any] | None,
    stream: bool | None,
    max_body_size: int | None,
) -> Mounted:
    """Mount an application; see :meth:`kyoukai.web.Blueprint.mount`."""
    options: dict[str, Any] = {"max_body_size": max_body_size}
    if find_interface(application, interface) == "wsgi":
        for name, value in (("lifespan", lifespan), ("websocket", websocket)):
            if value is not None:
                raise ConfigurationError(
                    f"{name} is an option for ASGI; {describe(application)} is a WSGI application"
                )
        options["stream"] = False if stream is None else stream
        wsgi = WSGIMount(application, THREADS if threads is None else threads)
        return Mounted(make_routes(prefix, endpoint, wsgi, extra_methods, **options), None)
    if threads is not None:
        raise ConfigurationError(
            f"threads is an option for WSGI; {describe(application)} is an ASGI application"
        )
    # Most mounted applications are not ASGI.
    from .asgi import ASGIMount, ASGIWebSocketMount

    options["stream"] = True if stream is None else stream
    mount = ASGIMount(application, "auto" if lifespan is None else lifespan, websocket)
    routes = make_routes(prefix, endpoint, mount, extra_methods, **options)
    if mount.hosted.websocket is not None:
        handler = ASGIWebSocketMount(mount)
        routes += make_websocket_routes(routes, handler, handler.options)
    return Mounted(routes, mount.live)


def find_interface(application: Any, wanted: str | None) -> Interface:
    """Return the interface of an application.

    :param wanted: the interface that the caller names, or ``None``.
    :raises ConfigurationError: if the application cannot be mounted.
    """
    if not callable(application):
        raise ConfigurationError(f"an application of ASGI or WSGI must be a function, not {application!r}")
    if wanted is not None:
        if wanted not in ("asgi", "wsgi"):
            raise ConfigurationError(f"interface is {wanted!r}; it must be 'asgi' or 'wsgi'")
        return "asgi" if wanted == "asgi" else "wsgi"
    found = interface_of(application)
    if found is None and is_coroutine_function(application):
        raise ConfigurationError(
            f"{describe(application)} is a coroutine function, and cannot be called with (scope, receive,"
            " send), as an application of ASGI is"
        )
    # Decorators such as Werkzeug's hide the signature of a WSGI application.
    return found or "wsgi"
