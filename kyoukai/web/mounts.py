"""Applications of other interfaces below a prefix: the routes to them, and what they see of a path."""

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
"""The converter of the rest of a path, in rules."""


class MountedConverter(BaseConverter):
    """The rest of a path, whatever it is: also nothing, and with doubled slashes."""

    regex = "(?s:.*?)"
    part_isolating = False
    # After all rules that say more: a handler can take a place of the application's.
    weight = 10_000


class Mount(Described):
    """A mounted application, as a handler.

    :param application: of whatever interface.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.prefix = "/"
        """What :func:`make_routes` was told that its URLs start with."""

    @property
    def description(self) -> str:
        """What it is called in messages."""
        return f"the application {describe(self.application)} mounted at {self.prefix!r}"

    @abc.abstractmethod
    async def __call__(self, ctx: Any, rest: str | None = None, **params: Any) -> Any:
        """Answer a request."""


def make_routes(
    prefix: str, name: str | None, mount: Mount, extra_methods: Iterable[str] = (), **options: Any
) -> list[Route]:
    """Return the routes of an application: one for the prefix itself, one for all below it.

    :param prefix: ``"/"``, or what :class:`~kyoukai.web.Blueprint` takes for one.
    :param name: their endpoint; by default the prefix's letters and digits.
    :param extra_methods: the methods that they take besides the registered ones; ``"*"``: every method.
    :param options: other options of both.
    :raises ConfigurationError: if one of them cannot be used.
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
    """Return the routes for the WebSockets of an application: one beside each of its others.

    :param routes: the others.
    :param handler: a coroutine function, as that of a :class:`~.websocket_route.WebSocketRoute`.
    :param options: those of such a route.
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
    """Return what ``SCRIPT_NAME`` and ``PATH_INFO`` become of the path of a request.

    :param path: as it was sent, percent-decoded, each byte a character (PEP 3333).
    :param rest: the end of it, as text: of characters, not bytes. The slashes are the same in both.
    """
    if rest is None:
        return "/" + path.strip("/"), path[len(path.rstrip("/")) :]
    script, *parts = path.rsplit("/", rest.count("/") + 1)
    script = script.lstrip("/")
    return f"/{script}" if script else "", "/" + "/".join(parts)
