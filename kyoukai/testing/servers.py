"""Components for conversations in memory, created once and kept, and the errors that they report."""

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

    Use it in an ``async with``. There it collects the errors that the event loop would have logged. At the
    end the components are stopped, and the loop gets its exception handler back.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        """Errors reported to the event loop, until the caller clears the list."""
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
        """Return a component and a context that serve with a backend and limits; see :func:`serving`.

        :param backend: a registered name, or ``module:attribute``.
        """
        key = (backend, *sorted(limits.items()))
        if key not in self._made:
            self._made[key] = await self._stack.enter_async_context(serving(backend, limits))
        return self._made[key]

    def _note_problem(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.problems.append(
            f"an error was reported to the event loop: {context.get('message')}: {context.get('exception')!r}"
        )
