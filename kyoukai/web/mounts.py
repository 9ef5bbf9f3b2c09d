"""Applications of other interfaces mounted at a prefix: their routes, and their view of a path."""

import abc
from collections.abc import Iterable
from typing import Any, Final

from werkzeug.routing import BaseConverter

from kyoukai.core.semantics.methods import ALL, REGISTERED

from .calling import Described, describe
from .checks import check_prefix
from .route import Route, check_methods
from .websocket_route import WebSocketRoute

CONVERTER: Final = "mounted"
"""The converter for the rest of a path, in rules."""


class MountedConverter(BaseConverter):
    """The rest of a path, whatever it is: also empty, and with doubled slashes."""

    regex = "(?s:.*?)"
    part_isolating = False
    # Matched after all more specific rules: a handler can override a path of the application.
    weight = 10_000


class Mount(Described):
    """A mounted application, as a handler.

    :param application: an application of either interface.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.prefix = "/"
        """The prefix passed to :func:`make_routes`."""

    @property
    def description(self) -> str:
        """The name in messages."""
        return f"the application {describe(self.application)} mounted at {self.prefix!r}"

    @abc.abstractmethod
    async def __call__(self, ctx: Any, rest: str | None = None, **params: Any) -> Any:
        """Answer a request."""


def make_routes(
    prefix: str, name: str | None, mount: Mount, extra_methods: Iterable[str] = (), **options: Any
) -> list[Route]:
    """Return the routes of an application: one for the prefix, and one for everything below it.

    :param prefix: ``"/"``, or a prefix as of :class:`~kyoukai.web.Blueprint`.
    :param name: their endpoint; by default the letters and digits of the prefix.
    :param extra_methods: methods that are not in the IANA registry; ``"*"`` stands for every method.
    :param options: other options of both routes.
    :raises ConfigurationError: if an argument cannot be used.
    """
    base = check_prefix(describe(mount.application), prefix, "/")
    mount.prefix = prefix
    endpoint = name if name is not None else "".join(c if c.isalnum() else "_" for c in base[1:]) or "root"
    extra = () if extra_methods == ALL or not extra_methods else check_methods(extra_methods)
    methods = REGISTERED.union(extra)
    routes = [Route(mount, f"{base}/<{CONVERTER}:rest>", methods, endpoint=endpoint, **options)]
    if base:
        routes.insert(0, Route(mount, base, methods, endpoint=endpoint, strict_slashes=False, **options))
    if extra_methods == ALL:
        for route in routes:
            route.methods |= {ALL}
    return routes


def make_websocket_routes(routes: Iterable[Route], handler: Any, options: dict[str, Any]) -> list[Route]:
    """Return the routes for an application's WebSockets: one beside each of its other routes.

    :param routes: the other routes.
    :param handler: a coroutine function, as for a :class:`~.websocket_route.WebSocketRoute`.
    :param options: options of such a route.
    """
    return [
        WebSocketRoute(
            handler,
            route.url,
            endpoint=f"{route.name}_websocket",
            strict_slashes=route.strict_slashes,
            **options,
        )
        for route in routes
    ]


def split_path(path: str, rest: str | None) -> tuple[str, str]:
    """Return ``SCRIPT_NAME`` and ``PATH_INFO`` for the path of a request.

    :param path: the percent-decoded path, each byte a character (PEP 3333).
    :param rest: its end as text, decoded from UTF-8. Both have the same slashes.
    """
    if rest is None:
        return "/" + path.strip("/"), path[len(path.rstrip("/")) :]
    script, *parts = path.rsplit("/", rest.count("/") + 1)
    script = script.lstrip("/")
    return f"/{script}" if script else "", "/" + "/".join(parts)
