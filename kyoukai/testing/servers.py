"""Where conversations are held in memory: components that are made once and kept, and what goes wrong."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from asphalt.core import Context

from kyoukai.asphalt import KyoukaiComponent

from .conversation import serving

__all__ = ("Servers",)


class Servers:
    """A component for each backend and set of limits, in one event loop.

    In an ``async with``, it takes what the event loop would have logged. At the end of it the components
    are ended, and the loop gets its handler of exceptions back.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        """What the event loop was told that went wrong, until somebody clears it."""
        self._stack = AsyncExitStack()
        self._made: dict[object, tuple[KyoukaiComponent, Context]] = {}

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._stack.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(self._note_problem)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._made.clear()
        await self._stack.__aexit__(kind, error, traceback)

    async def get(self, backend: str, limits: Mapping[str, Any]) -> tuple[KyoukaiComponent, Context]:
        """Return what serves by a backend with these limits, as :func:`serving` yields it.

        :param backend: its name, or ``module:attribute``.
        """
        key = (backend, *sorted(limits.items()))
        if key not in self._made:
            self._made[key] = await self._stack.enter_async_context(serving(backend, limits))
        return self._made[key]

    def _note_problem(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.problems.append(
            f"the event loop was told: {context.get('message')}: {context.get('exception')!r}"
        )
