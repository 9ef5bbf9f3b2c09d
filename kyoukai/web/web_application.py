"""The application as the context of a request sees it: a protocol, as the class is in a module above."""

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
    """Makes the URLs of an application's endpoints: a router."""

    def bind(self, request: Request) -> MapAdapter:
        """Return the adapter that makes URLs as the client of ``request`` sees them."""


class WebApplication(Application, Protocol):
    """An application of this framework, as ``ctx.app``: :class:`~kyoukai.Kyoukai` is one."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def debug(self) -> bool:
        """Whether it is in debug mode."""

    @property
    def server_name(self) -> str | None:
        """The host that blueprints' subdomains are in front of."""

    @property
    def response_class(self) -> type[Response]:
        """The class of the responses made of what handlers return."""

    @property
    def json_encoder(self) -> Callable[[Any], bytes]:
        """What makes JSON of the dicts and lists that handlers return."""

    @property
    def sessions(self) -> CookieSessions | None:
        """What keeps the sessions of clients, if anything does."""

    @property
    def router(self) -> URLMaker:
        """What makes URLs."""

    @property
    def lineage(self) -> list[Node]:
        """The application itself, as the root of the tree of blueprints."""

    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None, wait: bool = True
    ) -> "asyncio.Task[T]":
        """Begin a task in the background, which the application owns."""
