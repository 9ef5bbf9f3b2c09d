"""Background tasks: started by an application, kept, watched, and ended with it.

asyncio refers to a task only weakly, and reports its exception when it is collected. Here it is kept until
its end, its exception is logged once, and a stop waits for it.
"""

import asyncio
import concurrent.futures
import logging
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, Final, NamedTuple, TypeVar

from asphalt.core import Context

from kyoukai.core.faults import as_error, is_end
from kyoukai.core.serving.threads import wait_first
from kyoukai.private_names import current_context_var, running_loop

logger = logging.getLogger("kyoukai.web")

T = TypeVar("T")

LAST_WORDS: Final = 1.0
"""Seconds that a task has to end after its cancellation; the same as for a cancelled handler."""


class Stopping(NamedTuple):
    """How long a stop waits for background work."""

    until: float
    """The time, by the event loop's clock, at which remaining work is cancelled."""
    abort: asyncio.Event | None
    """Set to end the waiting; ``None``: it cannot be ended."""


stopping: Final[ContextVar[Stopping]] = ContextVar("stopping", default=Stopping(0.0, None))  # noqa: B039
"""For hooks with their own tasks: how long the stop waits. After a failed start it does not wait."""


class BackgroundTasks:
    """The tasks of one application, from its start to its stop."""

    def __init__(self) -> None:
        self._ctx: Context | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def open(self, ctx: Context) -> None:
        """Accept tasks from now on.

        :param ctx: Asphalt's current context in the tasks.
        """
        self._ctx = ctx
        self._loop = asyncio.get_running_loop()
        self._emptied = asyncio.Event()

    def create(
        self, coroutine: Coroutine[Any, Any, T], name: str | None = None, *, wait: bool = True
    ) -> "asyncio.Task[T]":
        """Start a task; see :meth:`kyoukai.Kyoukai.create_task`.

        :raises RuntimeError: if the application is not being served.
        """
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(f"create_task takes a coroutine, not {coroutine!r}")
        if self._ctx is None or self._loop is None:
            coroutine.close()
            raise RuntimeError(
                "the application is not served: tasks can be created from the first hook before serving on,"
                " until those after serving are called"
            )
        if running_loop() is not self._loop:
            return self._create_from_thread(self._loop, coroutine, name, wait)
        # Variables of the request, such as its id for the log, stay. Its Asphalt context closes with its
        # answer, so the application's takes its place.
        context = copy_context()
        context.run(current_context_var.set, self._ctx)
        task = self._loop.create_task(_contain(coroutine), name=name, context=context)
        self._tasks.add(task)
        self._emptied.clear()
        if not wait:
            self._endless.add(task)
        task.add_done_callback(self._finish)
        # Close it: a coroutine cancelled before its first step warns that it was never awaited.
        task.add_done_callback(lambda _: coroutine.close())
        return task

    async def stop(self, grace: float, abort: asyncio.Event | None = None) -> None:
        """Wait for all tasks, cancel those that remain, and accept no more.

        :param grace: seconds to wait before the cancellation.
        :param abort: set to end the waiting.
        """
        for task in self._endless:
            task.cancel()
        if self._tasks and grace > 0:
            events = [self._emptied] if abort is None else [self._emptied, abort]
            await wait_first(*(event.wait() for event in events), within=grace)
        self._ctx = None
        left = tuple(self._tasks)
        if left:
            if late := self._tasks - self._endless:
                logger.warning("cancelling %d background tasks: %s", len(late), _names(late))
                for task in late:
                    task.cancel()
            _, stubborn = await asyncio.wait(left, timeout=LAST_WORDS)
            if stubborn:
                logger.error("%d background tasks do not end: %s", len(stubborn), _names(stubborn))
        # Tasks that ended in this iteration of the loop call back in the next.
        await asyncio.sleep(0)

    def _create_from_thread(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], name: str | None, wait: bool
    ) -> "asyncio.Task[T]":
        """Start a task for a plain function, which runs in a thread: wait for an iteration of the loop."""
        begun: concurrent.futures.Future[asyncio.Task[T]] = concurrent.futures.Future()

        def begin() -> None:
            try:
                begun.set_result(self.create(coroutine, name, wait=wait))
            except BaseException as exc:
                begun.set_exception(exc)

        loop.call_soon_threadsafe(begin, context=copy_context())
        return begun.result()

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._endless.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the background task %s failed", task.get_name(), exc_info=error)
        if not self._tasks:
            self._emptied.set()


async def _contain(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine, and turn a BaseException that would end the loop into an Exception."""
    try:
        return await coroutine
    except BaseException as exc:
        if isinstance(exc, Exception) or is_end(exc):
            raise
        raise as_error(exc, "a background task") from exc


def _names(tasks: "tuple[asyncio.Task[Any], ...] | set[asyncio.Task[Any]]") -> str:
    """Return the names of the first few tasks."""
    names = sorted(task.get_name() for task in tasks)
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
