"""A part of an application: routes, hooks and error handlers with a common name and prefix.

Blueprints form a tree, whose root is the application. The prefix of a URL is the prefixes of all its
blueprints in a row. An endpoint is the names of these blueprints, without the application's, and the route's
own name, joined by dots. The tree can grow until the application is finalized. A mistake raises an error in
the line that makes it.
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
        """Return a new blueprint for the group; the options override those of the class."""


class Blueprint(Node):
    """A group of routes, hooks and error handlers with a common name and URL prefix.

    :param name: the part of endpoints that stands for this blueprint.
    :param prefix: the URL prefix: ``""``, or a path with a leading slash and no trailing slash. It may
        contain variables, which every handler below receives.
    :param host: the host, without a port, that its routes answer for; it may contain variables. Default: the
        host of the parent blueprint, or every host.
    :param subdomain: the prefix of the parent's host, or of the application's ``server_name``.
    :param parent: the blueprint to become a child of.
    :raises ConfigurationError: if a name or a prefix cannot be used.
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
        """Yield this blueprint and all below it, in the order in which they were added."""
        yield self
        for child in self.children:
            yield from child.walk()

    def add_child(self, child: "Blueprint") -> "Blueprint":
        """Add a blueprint as a child, and return it.

        :raises ConfigurationError: if it is already part of a tree, or if another child has its name.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        if not isinstance(child, Blueprint):
            raise ConfigurationError(f"a child of blueprint {self.name!r} must be a Blueprint, not {child!r}")
        child.attach(self)
        self.children.append(child)
        return child

    def attach(self, parent: "Blueprint") -> None:
        """Set the parent; :meth:`add_child` calls this.

        :raises ConfigurationError: if ``parent`` cannot be the parent.
        """
        if self in parent.lineage:
            raise ConfigurationError(f"blueprint {self.name!r} cannot be a child of itself")
        if self.parent is not None:
            raise ConfigurationError(
                f"blueprint {self.name!r} is already a child of {self.parent.name!r}; it can have one parent"
            )
        if any(self.name == child.name for child in parent.children):
            raise ConfigurationError(f"blueprint {parent.name!r} has a child named {self.name!r} already")
        self.parent = parent

    def add_route_group(self, group: MakesBlueprint, **options: Any) -> "Blueprint":
        """Add the blueprint of a route group as a child, and return it.

        :param group: an instance of a :class:`~kyoukai.RouteGroup`.
        :param options: ``name``, ``prefix`` and other options of the blueprint that override those of the
            class.
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

        Several routes may share an endpoint if they share the handler: ``url_for`` takes the route that fits
        the values.

        :raises ConfigurationError: if the endpoint belongs to another handler, or if the route is in a
            blueprint already.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        if not isinstance(route, Route):
            raise ConfigurationError(f"add_route takes a Route, not {route!r}")
        if route.bp is not None:
            raise ConfigurationError(f"{route!r} is already in blueprint {route.bp.name!r}; add a new Route")
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
        """Return a decorator that adds a route for its function and returns the function unchanged.

        It can be used several times on one function. For the parameters and errors, see
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
        """Return a decorator like :meth:`route` for GET, and HEAD with it."""
        return self.route(url, ("GET",), **options)

    def post(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return a decorator like :meth:`route` for POST."""
        return self.route(url, ("POST",), **options)

    def put(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return a decorator like :meth:`route` for PUT."""
        return self.route(url, ("PUT",), **options)

    def patch(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return a decorator like :meth:`route` for PATCH."""
        return self.route(url, ("PATCH",), **options)

    def delete(self, url: str, **options: Unpack[RouteOptions]) -> Callable[[F], F]:
        """Return a decorator like :meth:`route` for DELETE."""
        return self.route(url, ("DELETE",), **options)

    def websocket(self, url: str, **options: Unpack[WebSocketOptions]) -> Callable[[F], F]:
        """Return a decorator that adds a route for WebSockets; it decorates a coroutine function.

        The function is called with the context, the :class:`~kyoukai.websocket.WebSocket` and, by name, the
        variables of the rule. ``before`` hooks may refuse with any answer; ``after`` hooks see the answer to
        the handshake. The options are those of :class:`~kyoukai.web.Route` and of
        :class:`~kyoukai.websocket.WebSocketSettings`.
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
        """Serve the files of a directory, by routes with the variable ``filename``.

        A path that leads out of the directory, by ``..`` or by a symbolic link, is answered with 404.

        :param prefix: the URL prefix below the blueprint's: ``"/static"``, or ``""``.
        :param directory: an existing directory; a relative one is resolved against the folder of the calling
            module.
        :param index: the file name that answers for a directory, such as ``"index.html"``; by default none.
        :param max_age: seconds that clients may cache a file without revalidation; by default they revalidate
            each time.
        :param dot_files: whether files and directories whose names begin with a dot are served.
        :param endpoint: the endpoint's name: ``url_for("static", filename="style.css")``.
        :raises ConfigurationError: if an argument cannot be used.
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
        """Mount an ASGI or WSGI application, such as FastAPI's or Flask's, at a URL prefix.

        This blueprint's hooks and error handlers apply to it. Routes below the prefix take precedence over
        it. An ASGI application may use WebSockets and the lifespan protocol; if its startup fails, so does
        this application's.

        :param prefix: the prefix, as for a blueprint; ``"/"`` takes every request that no route takes.
        :param application: a callable ``(scope, receive, send)`` or ``(environ, start_response)``.
        :param interface: ``"asgi"`` or ``"wsgi"``; by default the signature of the callable decides.
        :param endpoint: its name within the blueprint, by default made from the prefix. ``url_for`` takes the
            rest of the path as ``rest``.
        :param extra_methods: methods to accept that are not in the IANA registry, such as ``PURGE``; ``"*"``
            accepts every method in capitals.
        :param threads: how many requests a WSGI application answers at a time, 10 by default; others wait.
        :param lifespan: for ASGI: as for :class:`~kyoukai.asgi.ASGIApplication`.
        :param websocket: for ASGI: limits and deadlines of WebSockets, as for the same class.
        :param stream: whether the application is called at the end of the head and reads the body as it
            arrives; otherwise the body is buffered first. Default: true for ASGI.
        :param max_body_size: as for a route.
        :raises ConfigurationError: if an argument cannot be used.
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
