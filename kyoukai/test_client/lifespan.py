"""The lifespan of a test client: an Asphalt context in a task of its own.

A context must end in the task that it began in, but pytest begins and ends fixtures in different tasks.
"""

import asyncio
from collections.abc import Awaitable, Callable

from asphalt.core import Context

from kyoukai.private_names import current_context_var


class Lifespan:
    """An Asphalt context that begins and ends on request.

    :param start: called with the context, to which it adds teardown callbacks.
    :param parent: the parent context; ``None``: the current one.
    """

    def __init__(self, start: Callable[[Context], Awaitable[None]], parent: Context | None = None) -> None:
        self._start = start
        self._parent = parent
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    async def begin(self) -> None:
        """Begin the context and wait for ``start``.

        :raises Exception: the exception of ``start``; the context has ended by then.
        :raises RuntimeError: if it has already begun.
        """
        if self._task is not None:
            raise RuntimeError("the client is in use already: one client, one `async with`")
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending.clear()
        self._task = asyncio.create_task(self._run(begun), name="an application under test")
        try:
            await asyncio.wait([self._task, begun], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if not begun.done():
            await self.end()

    async def end(self) -> None:
        """End the context and wait for its end.

        :raises asphalt.core.TeardownError: if a teardown callback failed.
        """
        task, self._task = self._task, None
        self._ending.set()
        if task is not None:
            await task

    def check(self) -> None:
        """Check that it has begun and not ended.

        :raises RuntimeError: if it has not.
        """
        if self._task is None or self._task.done():
            raise RuntimeError("the client is not in use: `async with app.test_client() as client`")

    async def _run(self, begun: "asyncio.Future[None]") -> None:
        if self._parent is not None:
            # Asphalt takes the parent of a new context from this variable.
            current_context_var.set(self._parent)
        async with Context() as ctx:
            await self._start(ctx)
            begun.set_result(None)
            await self._ending.wait()

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
