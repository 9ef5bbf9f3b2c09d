"""Serving an exported component in one event loop, from its start to its stop.

An Asphalt context must end in the task in which it began, so both happen in one task.
"""

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from asphalt.core import Component, Context

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.serving.exported import export

from .wire import Wire

if TYPE_CHECKING:
    from kyoukai.core.serving.application import ServerComponent


class Serving:
    """A component that has started or is starting, and the state for answering requests.

    :param component: it starts one component of type ``kyoukai``: itself, or one below it.
    :param timeout: seconds that the start may take. ``None``: no limit.
    """

    name = "asgi"

    def __init__(self, component: Component, timeout: float | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        """The event loop that it serves in."""
        self._component = component
        self._timeout = timeout
        self._served: ServerComponent | None = None
        self._context: Context | None = None
        self._variables: list[tuple[ContextVar[Any], Any]] = []
        self._wires: dict[tuple[bool, Iterable[str]], Wire] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def wire(self, extensions: Iterable[str], *, is_websocket: bool = False) -> Wire:
        """Return the owner of exchanges.

        :param extensions: names of the server's optional features.
        """
        key = (is_websocket, tuple(extensions))
        wire = self._wires.get(key)
        if wire is None:
            if self._served is None or self._context is None:
                raise RuntimeError("the application is not served")
            self._wires[key] = wire = Wire(
                self._served, self._context, self._variables, key[1], is_websocket=is_websocket
            )
        return wire

    # Start and stop

    async def start(self) -> None:
        """Start the component.

        :raises BaseException: an exception from the start. Everything that had started is stopped then.
        """
        begun: asyncio.Future[None] = self.loop.create_future()
        self._task = asyncio.create_task(self._run(begun), name="an application that is exported")
        try:
            await asyncio.wait([self._task, begun], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise
        if not begun.done():
            await self._task

    async def stop(self) -> None:
        """Wait for requests under way, and stop the component.

        :raises BaseException: an exception from the stop.
        """
        self._ending.set()
        if self._task is not None:
            await self._task

    async def _run(self, begun: "asyncio.Future[None]") -> None:
        before = copy_context()
        export.set(self)
        async with Context() as ctx:
            async with asyncio.timeout(self._timeout):
                await self._component.start(ctx)
            served = self._served
            if served is None:
                raise ConfigurationError("the component has started no component of the type kyoukai")
            self._variables = [
                (variable, value)
                for variable, value in served.server.context.items()
                if variable not in before or before[variable] is not value
            ]
            begun.set_result(None)
            await self._ending.wait()

    def begin(self, component: "ServerComponent", context: Context) -> None:
        """Serve for a started component: see :class:`~kyoukai.core.serving.exported.Export`.

        :raises ConfigurationError: if this serves another component already.
        """
        if self._served is not None:
            raise ConfigurationError(
                "several components of the type kyoukai are started, and one can be exported"
            )
        self._served, self._context = component, context
