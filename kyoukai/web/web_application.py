"""The interface of an application for the context of a request: its class is in a higher module."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request, Response

from kyoukai.core.serving.application import Application

from .node import Node
from .sessions import CookieSessions

T = TypeVar("T")


class URLMaker(Protocol):
    """Builds the URLs of an application's endpoints: a router."""

    def bind(self, request: Request) -> MapAdapter:
        """Return the adapter that makes URLs as the client of ``request`` sees them."""


class WebApplication(Application, Protocol):
    """An application of this framework, as ``ctx.app``: for example :class:`~kyoukai.Kyoukai`."""

    @property
    def name(self) -> str:
        """The name in messages."""

    @property
    def debug(self) -> bool:
        """Whether it is in debug mode."""

    @property
    def server_name(self) -> str | None:
        """The host that the subdomains of blueprints are prefixed to."""

    @property
    def response_class(self) -> type[Response]:
        """The class of the responses made from the return values of handlers."""

    @property
    def json_encoder(self) -> Callable[[Any], bytes]:
        """Makes JSON from the dicts and lists that handlers return."""

    @property
    def sessions(self) -> CookieSessions | None:
        """Keeps the sessions of clients, if there are any."""

    @property
    def router(self) -> URLMaker:
        """Builds URLs."""

    @property
    def lineage(self) -> list[Node]:
        """The application itself, as the root of the tree of blueprints."""

    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None, wait: bool = True
    ) -> "asyncio.Task[T]":
        """Start a background task."""
