"""Routes of one method, by its name: ``@app.post("/items")``."""

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, TypeVar, Unpack

from .calling import AnyFunction

F = TypeVar("F", bound=AnyFunction)


class RouteOptions(TypedDict, total=False):
    """What :class:`~kyoukai.web.Route` takes by name."""

    endpoint: str | None
    strict_slashes: bool | None
    defaults: Mapping[str, Any] | None
    host: str | None
    subdomain: str | None
    before: Iterable[AnyFunction]
    after: Iterable[AnyFunction]
    stream: bool
    max_body_size: int | None


class Shortcuts(abc.ABC):
    """Shorter names of :meth:`route`, for handlers that take one method."""

    @abc.abstractmethod
    def route(
        self, url: str, methods: Iterable[str] = ("GET",), **options: Unpack[RouteOptions]
    ) -> Callable[[F], F]:
        """Return a decorator that adds a route to its function."""

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
