"""The ASGI callable for a Kyoukai application.

It is a wire: the scopes of the server become exchanges, and the exchanges write with the server's ``send``.
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
"""Settings of a component about sockets, which belong to the ASGI server."""

Scope = MutableMapping[str, Any]


class ASGIExport:
    """Makes an ASGI 3 application of a Kyoukai application of either form.

    If the server supports lifespan, the application starts and stops with it. Otherwise it starts with the
    first request in an event loop, and does not stop.

    :param app: the application, or ``module:attribute``.
    :param component: instead of ``app``: a function that makes the root of a tree of Asphalt components, one
        of which has the type ``kyoukai``. It is called for each start.
    :param start_timeout: seconds that a start may take. ``None``: no limit.
    :param settings: with ``app``, those of :class:`~kyoukai.KyoukaiComponent` except those about sockets.
        ``access_log`` is off by default, because the server has one.
    :raises ConfigurationError: if a parameter is invalid.
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
        """Seconds that a start may take. ``None``: no limit."""
        self._serving: Serving | None = None
        """The last one used."""
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
        # The module needs the library websockets, as WebSocket routes do.
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
        """Stop serving in this loop, if the server has no lifespan. The next request starts it again.

        :raises BaseException: an exception from the stop.
        """
        serving = self._servings.get(asyncio.get_running_loop())
        if serving is not None:
            self._forget(serving)
            await serving.stop()

    async def _find(self) -> Serving:
        """Return what serves in this loop. Start it if the server has not done so."""
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
        """Return the lock for a start in a loop, and forget closed loops."""
        lock = self._locks.get(loop)
        if lock is None:
            for one in [one for one in self._locks if one.is_closed()]:
                self._locks.pop(one)
                self._servings.pop(one, None)
            lock = self._locks[loop] = asyncio.Lock()
        return lock


def own_component(app: Any, settings: dict[str, Any]) -> Callable[[], Component]:
    """Return a function that makes the component of an application, for each start.

    :raises ConfigurationError: if a setting is invalid.
    """
    for name in NOT_OURS:
        if name in settings:
            raise ConfigurationError(
                f"{name} is {settings[name]!r}; an application that is exported takes none: the ASGI server"
                " listens"
            )
    settings = {"access_log": False, **settings}

    def make() -> Component:
        # By its name, because the package that registers it is above this one.
        made: Component = component_types.create_object("kyoukai", app=app, **settings)
        return made

    make_wireless(make)
    return make


def make_wireless(make: Callable[[], Component]) -> Component:
    """Make a component without sockets, to be exported."""
    token = is_wireless.set(True)
    try:
        return make()
    finally:
        is_wireless.reset(token)
