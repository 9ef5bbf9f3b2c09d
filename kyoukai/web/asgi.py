"""ASGI applications mounted at a URL prefix, such as FastAPI's or Starlette's.

The code that hosts them on a wire hosts them here: HTTP requests, WebSockets and the lifespan. ``root_path``
is the prefix, and the path begins with it.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from asphalt.core import Context
from werkzeug.wrappers import Response

from kyoukai.asgi.hosted.application import ASGIApplication
from kyoukai.asgi.hosted.http import HTTPCall
from kyoukai.asgi.hosted.scope import raw_path
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.body_stream import ClientGoneError
from kyoukai.core.exchange.exchange import Exchange

from .background import stopping
from .calling import Described
from .context import HTTPRequestContext
from .mounted_exchange import MountedExchange
from .mounts import Mount, split_path

if TYPE_CHECKING:
    from kyoukai.websocket import WebSocket


class MountedApplication(ASGIApplication):
    """Hosts an application below a prefix.

    The parameters are those of :class:`~kyoukai.asgi.ASGIApplication` without ``root_path``.
    """

    def make_scope(self, exchange: Exchange) -> dict[str, Any]:
        """Return the scope of a request: its path begins with the mount's prefix."""
        scope = super().make_scope(exchange)
        if isinstance(exchange, MountedExchange):
            above = exchange.environ.get("SCRIPT_NAME", "").rstrip("/")
            scope["root_path"] = as_text(above + exchange.root)
            scope["path"] = as_text(above + exchange.root + exchange.rest)
            scope["raw_path"] = above.encode("latin-1") + raw_path(exchange.head.target)
            if exchange.params:
                # As in Starlette's own mounts.
                scope["path_params"] = exchange.params
        return scope


def as_text(path: str) -> str:
    """Decode a path of an environ. Each of its characters stands for one byte (PEP 3333)."""
    return path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace")


class ASGIMount(Mount):
    """An ASGI application, as a handler.

    :param application: called with ``scope``, ``receive`` and ``send``.
    :param lifespan: as for :class:`~kyoukai.asgi.ASGIApplication`.
    :param websocket: as for the same class.
    :raises ConfigurationError: if an argument cannot be used.
    """

    def __init__(
        self, application: Any, lifespan: str = "auto", websocket: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(application)
        self.hosted = MountedApplication(application, lifespan=lifespan, websocket=websocket)

    async def __call__(self, ctx: HTTPRequestContext, rest: str | None = None, **params: Any) -> Response:
        """Answer a request.

        :param rest: the path after the prefix and a slash; ``None``: the path is the prefix without a slash.
        :param params: values of the variables in the prefix.
        :raises Exception: an exception of the application before its answer began.
        """
        exchange = MountedExchange(ctx, *split_path(ctx.environ["PATH_INFO"], rest), params)
        response = await exchange.answer(self.hosted.process_exchange(exchange, ctx))
        if response is None:
            raise ClientGoneError("the client is gone")
        return response

    async def live(self, ctx: Context) -> AsyncIterator[None]:
        """Run the application's lifespan around the time of serving.

        :raises StartupError: if its startup fails.
        """
        lifecycle = self.hosted.lifecycle
        await lifecycle.start(ctx)
        try:
            yield
        finally:
            # Work after answers gets as long as the application's own background tasks, at the same time.
            until, abort = stopping.get()
            await lifecycle.stop(max(0.0, until - asyncio.get_running_loop().time()), abort)


class ASGIWebSocketMount(Described):
    """The WebSockets of an ASGI application, as a handler for WebSockets.

    :param mount: the application.
    """

    def __init__(self, mount: ASGIMount) -> None:
        self.mount = mount

    @property
    def description(self) -> str:
        """The name in messages."""
        return self.mount.description

    @property
    def options(self) -> dict[str, Any]:
        """The options of the WebSocket route, from its settings."""
        settings = self.mount.hosted.websocket
        if settings is None:
            raise ConfigurationError(f"{self.description} has no WebSockets: their library is missing")
        return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}

    async def __call__(
        self, ctx: HTTPRequestContext, ws: "WebSocket", rest: str | None = None, **params: Any
    ) -> Response | None:
        """Answer a handshake, and serve its WebSocket. The parameters are those of the mount.

        :return: the answer, if it is not a WebSocket.
        :raises Exception: an exception of the application.
        """
        exchange = MountedExchange(ctx, *split_path(ctx.environ["PATH_INFO"], rest), params)
        return await exchange.answer(self._converse(exchange, ws))

    async def _converse(self, exchange: MountedExchange, ws: "WebSocket") -> None:
        # WebSockets need a library that may be missing.
        from kyoukai.asgi.hosted.websocket import WebSocketCall, call_application
        from kyoukai.asgi.hosted.websocket_events import websocket_scope

        hosted = self.mount.hosted
        scope = websocket_scope(hosted.make_scope(exchange))
        call = WebSocketCall(ws, HTTPCall(exchange, hosted.going_on), scope["subprotocols"])
        try:
            await call_application(hosted.application, scope, call)
        finally:
            hosted.going_on.discard(call.http)
