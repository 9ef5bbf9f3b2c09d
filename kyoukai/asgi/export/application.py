"""The callable that an ASGI server calls: an application of Kyoukai's contract as one of ASGI 3.

It is a wire: the server's scopes become exchanges, and what they send goes by the server's ``send``.
"""

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, Final

from asphalt.core import Component
from asphalt.core.component import component_types

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.serving.exported import is_wireless

from .exchange import ASGIExchange
from .inlet import Receive
from .lifespan import live
from .outbox import Event, Send
from .scopes import extensions_of
from .serving import Serving

logger: Final = logging.getLogger("kyoukai.asgi")

NOT_OURS: Final = ("backend", "backend_options", "bind", "host", "port", "ssl", "uds")
"""Settings of a component that are about sockets, which are the ASGI server's."""

Scope = MutableMapping[str, Any]


class ASGIExport:
    """An application of Kyoukai's contract, of either form, as an application of ASGI 3.

    Where the server speaks lifespan, the application starts and stops with that; else it starts with the
    first request of the event loop, and never stops.

    :param app: the application, or ``module:attribute``.
    :param component: in place of ``app``: what makes the root of a tree of Asphalt components, of which one
        is of the type ``kyoukai``. It is called for each start.
    :param start_timeout: seconds that a start may take; ``None``: as long as it likes.
    :param settings: with ``app``, those of :class:`~kyoukai.KyoukaiComponent`, but for what is about sockets.
        ``access_log`` is off by default: the server has one.
    :raises ConfigurationError: if one of them cannot be used.
    """

    def __init__(
        self,
        app: Any = None,
        *,
        component: Callable[[], Component] | None = None,
        start_timeout: float | None = None,
        **settings: Any,
    ) -> None:
        if component is None:
            component = own_component(app, settings)
        elif app is not None or settings:
            raise ConfigurationError("component excludes app and settings: they are its own")
        self._make = partial(make_wireless, component)
        self.start_timeout = start_timeout
        """Seconds that a start may take; ``None``: as long as it likes."""
        self._serving: Serving | None = None
        """The one that was used last."""
        self._servings: dict[asyncio.AbstractEventLoop, Serving] = {}
        self._locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call of an ASGI server.

        :param scope: the scope, of HTTP, WebSocket or lifespan.
        :param receive: returns the next event of the client.
        :param send: sends an event to the client.
        :raises ValueError: if the scope is of another type.
        """
        kind = scope["type"]
        if kind == "http":
            serving = self._serving
            if serving is None or serving.loop is not asyncio.get_running_loop():
                serving = await self._find()
            await ASGIExchange(serving.wire(extensions_of(scope)), scope).serve(receive, send)
        elif kind == "websocket":
            await self._open(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        else:
            raise ValueError(f"the scope {kind!r} is none that is served")

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        # It needs the library websockets, as routes for WebSockets do.
        from .websocket import ASGIWebSocketExchange

        serving = await self._find()
        wire = serving.wire(extensions_of(scope), is_websocket=True)
        await ASGIWebSocketExchange(wire, scope).serve(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        serving = Serving(self._make(), self.start_timeout)

        async def told(event: Event) -> None:
            if event["type"] == "lifespan.startup.complete":
                self._serving = self._servings[serving.loop] = serving
            elif event["type"].startswith("lifespan.shutdown"):
                self._forget(serving)
            await send(event)

        try:
            await live(serving, receive, told)
        finally:
            self._forget(serving)

    def _forget(self, serving: Serving) -> None:
        if self._servings.get(serving.loop) is serving:
            del self._servings[serving.loop]
        if self._serving is serving:
            self._serving = None

    async def stop(self) -> None:
        """Stop what serves in this loop, where no lifespan does. The next request starts it again.

        :raises BaseException: what the stop raises.
        """
        serving = self._servings.get(asyncio.get_running_loop())
        if serving is not None:
            self._forget(serving)
            await serving.stop()

    async def _find(self) -> Serving:
        """Return what serves in this loop. It is started, where the server has not."""
        loop = asyncio.get_running_loop()
        async with self._lock(loop):
            serving = self._servings.get(loop)
            if serving is None:
                logger.info("the server speaks no lifespan: the application starts with its first request")
                serving = Serving(self._make(), self.start_timeout)
                await serving.start()
                self._servings[loop] = serving
        self._serving = serving
        return serving

    def _lock(self, loop: asyncio.AbstractEventLoop) -> asyncio.Lock:
        """Return what is held while the application starts in a loop, and forget loops that are closed."""
        lock = self._locks.get(loop)
        if lock is None:
            for one in [one for one in self._locks if one.is_closed()]:
                self._locks.pop(one)
                self._servings.pop(one, None)
            lock = self._locks[loop] = asyncio.Lock()
        return lock


def own_component(app: Any, settings: dict[str, Any]) -> Callable[[], Component]:
    """Return what makes a component of its own for an application, for each start.

    :raises ConfigurationError: if one of the settings cannot be used.
    """
    for name in NOT_OURS:
        if name in settings:
            raise ConfigurationError(
                f"{name} is {settings[name]!r}; an application that is exported takes none: the ASGI server"
                " listens"
            )
    settings = {"access_log": False, **settings}

    def make() -> Component:
        # By name: what registers it stands above.
        made: Component = component_types.create_object("kyoukai", app=app, **settings)
        return made

    make_wireless(make)
    return make


def make_wireless(make: Callable[[], Component]) -> Component:
    """Make a component that is to be exported."""
    token = is_wireless.set(True)
    try:
        return make()
    finally:
        is_wireless.reset(token)
