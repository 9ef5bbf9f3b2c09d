"""Start and stop of an application: hooks before, while and after serving.

Blueprints are started from the root down, in the order of the tree, and stopped in reverse. A blueprint whose
start began is stopped, even if the start failed; the ones below it were not started.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from asphalt.core import Context

from kyoukai.core.faults import as_error, is_end
from kyoukai.core.serving.threads import Threads, threads
from kyoukai.core.stopping import run_all

from .background import LAST_WORDS, BackgroundTasks, Stopping, stopping
from .blueprint import Blueprint
from .calling import AnyFunction, as_coroutine_function, describe

Stop = Callable[[], Awaitable[None]]

logger = logging.getLogger("kyoukai.web")

POLL_INTERVAL: Final = 0.01
"""Seconds between two checks whether a hook has been cancelled."""


class Lifecycle:
    """The start and the stop of one application.

    If several components serve it, it starts with the first and stops with the last.

    :param root: the application.
    """

    def __init__(self, root: Blueprint) -> None:
        self.tasks = BackgroundTasks()
        """Its background tasks."""
        self.threads = Threads()
        """Its running hooks that are plain functions."""
        self._root = root
        self._lock = asyncio.Lock()
        self._servers = 0
        self._stops: list[Stop] = []

    async def start(self, ctx: Context) -> None:
        """Call the hooks before serving, and begin those while serving.

        :param ctx: the argument of the hooks.
        :raises Exception: the exception of a hook, with a note that names the hook. Hooks that had begun are
            stopped first; their failures are logged.
        """
        if not self._servers and not self._lock.locked():
            # A lock with waiters belongs to the event loop of an earlier start.
            self._lock = asyncio.Lock()
        async with self._lock:
            if not self._servers:
                with self._owning_threads():
                    await self._begin(ctx)
            self._servers += 1

    async def stop(self, grace: float, abort: asyncio.Event | None = None) -> None:
        """Wait for background tasks, call the hooks after serving, and end those while serving.

        All hooks are called, even if one raises.

        :param grace: seconds to wait for tasks before they are cancelled.
        :param abort: set to end that waiting; each hook then has a second to end.
        :raises BaseException: the exception of a hook, or a group of several.
        """
        async with self._lock:
            self._servers -= 1
            if self._servers:
                return
            stops, self._stops = self._stops, []
            token = stopping.set(Stopping(asyncio.get_running_loop().time() + grace, abort))
            try:
                await self.tasks.stop(grace, abort)
            finally:
                try:
                    with self._owning_threads():
                        await _stop(stops, abort)
                finally:
                    stopping.reset(token)

    @contextlib.contextmanager
    def _owning_threads(self) -> Iterator[None]:
        token = threads.set(self.threads)
        try:
            yield
        finally:
            threads.reset(token)

    async def _begin(self, ctx: Context) -> None:
        self.tasks.open(ctx)
        stops: list[Stop] = []
        try:
            for blueprint in self._root.walk():
                await _start(blueprint, ctx, stops)
        except BaseException:
            await self.tasks.stop(0)
            try:
                await _stop(stops)
            except Exception:
                logger.exception("%s: stopping failed, after the start had failed", self._root.name)
            raise
        self._stops = stops


async def _start(blueprint: Blueprint, ctx: Context, stops: list[Stop]) -> None:
    """Start one blueprint, and record how to stop it."""
    for hook in blueprint.hooks.after_serving:
        stops.append(functools.partial(_call, "a hook after serving", hook, ctx))
    for hook, is_around in blueprint.hooks.serving:
        if not is_around:
            await _call("a hook before serving", hook, ctx)
            continue
        manager = contextlib.asynccontextmanager(hook)(ctx)
        with _noting("a hook while serving", hook):
            await manager.__aenter__()
        stops.append(functools.partial(_leave, hook, manager))


async def _stop(stops: list[Stop], abort: asyncio.Event | None = None) -> None:
    """Call all of them, the last first.

    An exit stack would pass the exception of one to the next, and a generator would not get past its
    ``yield``.

    :raises BaseException: the exception of one, or a group of several.
    """
    ends = [functools.partial(_end, stop, abort) for stop in reversed(stops)]
    await run_all(ends, "several hooks failed at the stop")


async def _end(stop: Stop, abort: asyncio.Event | None) -> None:
    """Call one. An exception that would end the process is an error of this hook only."""
    try:
        await (stop() if abort is None else _hurry(stop, abort))
    except BaseException as exc:
        if isinstance(exc, Exception) or is_end(exc):
            raise
        raise as_error(exc, "a hook at the stop") from exc


async def _hurry(stop: Stop, abort: asyncio.Event) -> None:
    """Call one, and cancel it if it has not ended a while after ``abort`` is set.

    It stays in this task: resources that it opened before serving may have to be closed in the same task.
    """
    loop = asyncio.get_running_loop()
    group = threads.get()

    def leave() -> None:
        """Let a plain function finish alone: its cancellation would wait for the thread."""
        if patience.expired():
            group.leave()
        elif not is_over:
            loop.call_later(POLL_INTERVAL, leave)

    is_over = False
    try:
        async with asyncio.timeout(None) as patience:

            def limit(_: object) -> None:
                patience.reschedule(loop.time() + LAST_WORDS)
                loop.call_later(LAST_WORDS, leave)

            watcher = loop.create_task(abort.wait())
            watcher.add_done_callback(limit)
            try:
                await stop()
            finally:
                is_over = True
                watcher.remove_done_callback(limit)
                watcher.cancel()
                await asyncio.wait([watcher])
    except TimeoutError:
        if not patience.expired():
            raise


async def _call(what: str, hook: AnyFunction, ctx: Context) -> None:
    with _noting(what, hook):
        await as_coroutine_function(hook)(ctx)


async def _leave(hook: AnyFunction, manager: contextlib.AbstractAsyncContextManager[object]) -> None:
    with _noting("a hook while serving", hook):
        await manager.__aexit__(None, None, None)


@contextlib.contextmanager
def _noting(what: str, hook: AnyFunction) -> Iterator[None]:
    """Add the name of the hook to its exception."""
    try:
        yield
    except asyncio.CancelledError as exc:
        if not exc.args:  # A canceller that passes a message logs it.
            logger.error("%s, %s, was cut off", what, describe(hook))
        raise
    except Exception as exc:
        exc.add_note(f"Raised by {what}, {describe(hook)}.")
        raise
