"""A part of an application: routes, hooks and error handlers with a name and a prefix in common.

Blueprints make a tree, whose root is the application. The prefix of a URL is those of all its
blueprints in a row; an endpoint is their names, without the application's, and its own, with dots
between. The tree can be added to until the application is finalized. Whatever cannot be right is
refused where it is written.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, Unpack

from kyoukai.core.errors import ConfigurationError

from .calling import AnyFunction, describe
from .checks import check_prefix
from .mounting import mount_application
from .node import Node
from .relative_paths import beside_caller
from .route import Route, RouteOptions
from .static import StaticFiles
from .websocket_route import WebSocketOptions, WebSocketRoute

F = TypeVar("F", bound=AnyFunction)


class MakesBlueprint(Protocol):
    """An instance of a :class:`~kyoukai.web.RouteGroup`."""

    def make_blueprint(self, **options: Any) -> "Blueprint":
        """Return a new blueprint of it; the options go before the class's."""


class Blueprint(Node):
    """One node of the tree.

    :param name: its part of the endpoints below it.
    :param prefix: what the URLs below it start with: ``""``, or with a slash before it and none
        after it. Variables may stand in it; each handler below gets them.
    :param host: the host that its routes answer for, without a port; variables may stand in it, too.
        Without one, they answer for the host of the blueprint above, or for all.
    :param subdomain: what comes before the host above it, or before the application's ``server_name``.
    :param parent: the blueprint that it becomes a child of, if it is known by now.
    :raises ConfigurationError: if a name or prefix cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        prefix: str = "",
        host: str | None = None,
        subdomain: str | None = None,
        parent: "Blueprint | None" = None,
    ) -> None:
        super().__init__(name, prefix=prefix, host=host, subdomain=subdomain)
        self.children: list[Blueprint] = []
        self.routes: list[Route] = []
        if parent is not None:
            parent.add_child(self)

    def walk(self) -> "Iterator[Blueprint]":
        """Yield this blueprint, and all below it, in the order in which they were added."""
        yield self
        for child in self.children:
            yield from child.walk()

    def add_child(self, child: "Blueprint") -> "Blueprint":
        """Add a blueprint below this one, and return it.

        :raises ConfigurationError: if it is part of a tree already, this one or another, or if
            another child has its name.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        if not isinstance(child, Blueprint):
            raise ConfigurationError(f"a child of blueprint {self.name!r} must be a Blueprint, not {child!r}")
        child.attach(self)
        self.children.append(child)
        return child

    def attach(self, parent: "Blueprint") -> None:
        """Take ``parent`` for the parent; :meth:`add_child` calls this.

        :raises ConfigurationError: if that cannot be.
        """
        if self in parent.lineage:
            raise ConfigurationError(f"blueprint {self.name!r} cannot be a child of itself")
        if self.parent is not None:
            raise ConfigurationError(
                f"blueprint {self.name!r} is a child of {self.parent.name!r} already; it has one place"
            )
        if any(self.name == child.name for child in parent.children):
            raise ConfigurationError(f"blueprint {parent.name!r} has a child named {self.name!r} already")
        self.parent = parent

    def add_route_group(self, group: MakesBlueprint, **options: Any) -> "Blueprint":
        """Add a blueprint made of a route group below this one, and return it.

        :param group: an instance of the group's class.
        :param options: ``name``, ``prefix`` and other options of the blueprint, where they are to
            differ from those of the class.
        :raises ConfigurationError: if the group, its name or one of its methods cannot be used.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        make = getattr(group, "make_blueprint", None)
        if make is None or isinstance(group, type):
            raise ConfigurationError(f"add_route_group takes an instance of a RouteGroup, not {group!r}")
        return self.add_child(make(**options))

    def add_route(self, route: Route) -> Route:
        """Add a route, and return it.

        Several may share an endpoint, if they share the handler: ``url_for`` takes the one that
        the values fit.

        :raises ConfigurationError: if its endpoint stands for another handler, or if it is in a
            blueprint already.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        if not isinstance(route, Route):
            raise ConfigurationError(f"add_route takes a Route, not {route!r}")
        if route.bp is not None:
            raise ConfigurationError(f"{route!r} is in blueprint {route.bp.name!r} already; it has one place")
        for other in self.routes:
            if other.name == route.name and other.handler != route.handler:
                raise ConfigurationError(
                    f"the endpoint {other.endpoint!r} is {describe(other.handler)} already;"
                    f" give {describe(route.handler)} another by endpoint=..."
                )
        route.bp = self
        self.routes.append(route)
        return route

    def route(
        self,
        url: str,
        methods: Iterable[str] = ("GET",),
        *,
        endpoint: str | None = None,
        strict_slashes: bool | None = None,
        defaults: Mapping[str, Any] | None = None,
        host: str | None = None,
        subdomain: str | None = None,
        before: Iterable[AnyFunction] = (),
        after: Iterable[AnyFunction] = (),
        stream: bool = False,
        max_body_size: int | None = None,
    ) -> Callable[[F], F]:
        """Return a decorator that adds a route to its function, and leaves the function alone.

        It can be used several times on one function. For the parameters and what is raised, see
        :class:`~kyoukai.web.Route` and :meth:`add_route`.
        """
        if callable(url):
            raise ConfigurationError(f"route takes a URL first: @route('/...') before {describe(url)}")

        def add(handler: F) -> F:
            route = Route(
                handler,
                url,
                methods,
                endpoint=endpoint,
                strict_slashes=strict_slashes,
                defaults=defaults,
                host=host,
                subdomain=subdomain,
                before=before,
                after=after,
                stream=stream,
                max_body_size=max_body_size,
            )
            self.add_route(route)
            return handler

        return add

    def get(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return the decorator of a route that takes GET, and with it HEAD: see :meth:`route`."""
        return self.route(url, ("GET",), **options)

    def post(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return the decorator of a route that takes POST: see :meth:`route`."""
        return self.route(url, ("POST",), **options)

    def put(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return the decorator of a route that takes PUT: see :meth:`route`."""
        return self.route(url, ("PUT",), **options)

    def patch(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return the decorator of a route that takes PATCH: see :meth:`route`."""
        return self.route(url, ("PATCH",), **options)

    def delete(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return the decorator of a route that takes DELETE: see :meth:`route`."""
        return self.route(url, ("DELETE",), **options)

    def websocket(self, url: str, **options: Unpack[WebSocketOptions]) -> Callable[[F], F]:
        """Return a decorator that adds a route for WebSockets, of a coroutine function.

        It is called with the context, the :class:`~kyoukai.websocket.WebSocket` and, by name, the values of
        the variables. Hooks before may refuse with any answer; hooks after see the answer to the handshake.
        For the parameters and what is raised, see :class:`~kyoukai.web.WebSocketRoute`.
        """
        if callable(url):
            raise ConfigurationError(
                f"websocket takes a URL first: @websocket('/...') before {describe(url)}"
            )

        def add(handler: F) -> F:
            self.add_route(WebSocketRoute(handler, url, **options))
            return handler

        return add

    def static(
        self,
        prefix: str,
        directory: str | os.PathLike[str],
        *,
        index: str | None = None,
        max_age: int | None = None,
        dot_files: bool = False,
        endpoint: str = "static",
    ) -> None:
        """Serve the files of a directory, by routes whose variable is ``filename``.

        What leads out of the directory, by ``..`` or by a symbolic link, is 404, as is what is not there.

        :param prefix: what their URLs start with, below the blueprint's prefix: ``"/static"``, or ``""``.
        :param directory: an existing directory; a relative one is taken from the folder of the module that
            calls this.
        :param index: the name of the file that answers for its directory; by default none does.
        :param max_age: seconds for which a client may keep a file without asking; by default it asks
            each time whether it has changed.
        :param dot_files: whether files and directories are served whose names begin with a dot.
        :param endpoint: the name for ``url_for("static", filename="style.css")``.
        :raises ConfigurationError: if any of it cannot be used.
        :raises RuntimeError: if the application is finalized.
        """
        url = check_prefix("a static directory", prefix)
        files = StaticFiles(beside_caller(directory), index=index, max_age=max_age, dot_files=dot_files)
        self.add_route(Route(files, f"{url}/<path:filename>", endpoint=endpoint))
        if index is not None:
            self.add_route(Route(files, f"{url}/", endpoint=endpoint, defaults={"filename": ""}))

    def mount(
        self,
        prefix: str,
        application: Any,
        *,
        interface: str | None = None,
        endpoint: str | None = None,
        extra_methods: Iterable[str] = (),
        threads: int | None = None,
        lifespan: str | None = None,
        websocket: Mapping[str, Any] | None = None,
        stream: bool | None = None,
        max_body_size: int | None = None,
    ) -> None:
        """Let an application of ASGI or WSGI, such as FastAPI's or Flask's, answer all below ``prefix``.

        Hooks and error handlers around it are this blueprint's. A route of one's own for a URL below the
        prefix goes before it. One of ASGI has WebSockets, and a lifespan, whose failing start is this one's.

        :param prefix: as that of a blueprint; or ``"/"``: all that no route takes.
        :param application: called with ``(scope, receive, send)``, or with ``(environ, start_response)``.
        :param interface: ``"asgi"`` or ``"wsgi"``; by default, what the way in which it is called says.
        :param endpoint: its name within the blueprint; by default it is made of the prefix. ``url_for`` takes
            the rest of the path as ``rest``.
        :param extra_methods: methods that it gets besides those of the IANA registry, such as ``PURGE``;
            ``"*"``: every one that is sent in capitals.
        :param threads: how many requests one of WSGI answers at a time, 10 by default; others wait.
        :param lifespan: of one of ASGI: as that of :class:`~kyoukai.asgi.ASGIApplication`.
        :param websocket: of one of ASGI: limits and deadlines of its WebSockets, likewise.
        :param stream: whether it is called when the head of a request has come, and reads the body as that
            comes; otherwise the body is in memory before. By default it is for ASGI.
        :param max_body_size: as that of a route.
        :raises ConfigurationError: if one of them cannot be used.
        :raises RuntimeError: if the application is finalized.
        """
        mounted = mount_application(
            prefix,
            application,
            interface=interface,
            endpoint=endpoint,
            extra_methods=extra_methods,
            threads=threads,
            lifespan=lifespan,
            websocket=websocket,
            stream=stream,
            max_body_size=max_body_size,
        )
        for route in mounted.routes:
            self.add_route(route)
        if mounted.live is not None:
            self.while_serving(mounted.live)
