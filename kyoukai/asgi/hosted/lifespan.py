"""The lifespan protocol of ASGI: starting and stopping an application, in a task of its own.

An application has one lifespan, with its own state, in each event loop that serves it.
"""

import asyncio
import contextvars
import logging
import weakref
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from kyoukai.core.errors import KyoukaiError
from kyoukai.core.serving.threads import wait_first

if TYPE_CHECKING:
    from asphalt.core import Context

    from .http import HTTPCall

logger: Final = logging.getLogger("kyoukai.asgi")

ASGICallable = Callable[..., Awaitable[None]]

MODES: Final = ("auto", "on", "off")

LAST_WORDS: Final = 1.0
"""Seconds that a cancelled application has to end."""


class StartupError(KyoukaiError, RuntimeError):
    """An application has sent ``lifespan.startup.failed``."""


class Lifespan:
    """One start and stop of an application.

    :param application: called with a scope of type ``lifespan``.
    :param is_needed: whether the application must support the protocol.
    """

    def __init__(self, application: ASGICallable, is_needed: bool) -> None:
        self.state: dict[str, Any] = {}
        """The state. Each request gets a copy of it."""
        self._application = application
        self._is_needed = is_needed
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._is_started = asyncio.Event()
        self._is_stopped = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    async def start(self) -> None:
        """Start the application, and return when it is ready.

        :raises StartupError: if the start has failed.
        :raises BaseException: an exception of the application that is not an Exception.
        """
        self._task = task = asyncio.get_running_loop().create_task(
            self._run(), name="lifespan", context=contextvars.copy_context()
        )
        self._events.put_nowait({"type": "lifespan.startup"})
        try:
            await wait_first(self._is_started.wait(), asyncio.wait([task]))
        except BaseException:
            await self._cancel()
            raise
        if self._failure is not None:
            await self._cancel()
            raise StartupError(f"the application's start failed: {self._failure}")
        if not self._is_started.is_set():
            self._check_support()

    async def stop(self, abort: asyncio.Event | None = None) -> None:
        """Stop the application, and return when it has ended.

        :param abort: when it is set, the application has :data:`LAST_WORDS` left.
        """
        task = self._task
        if task is None or task.done():
            return
        self._events.put_nowait({"type": "lifespan.shutdown"})
        try:
            waits = [self._is_stopped.wait(), asyncio.wait([task])]
            if abort is not None:
                waits.append(_elapse_after(abort))
            await wait_first(*waits)
            if self._failure is not None:
                logger.error("the application's stop failed: %s", self._failure)
            elif self._is_stopped.is_set():
                await asyncio.wait([task], timeout=LAST_WORDS)
        finally:
            await self._cancel()
            # A task that was cancelled in this turn of the loop ends in the next turn.
            await asyncio.sleep(0)

    def _check_support(self) -> None:
        """Handle an application that has ended without sending an event.

        :raises StartupError: if it must support the protocol.
        :raises BaseException: an exception of the application that is not an Exception.
        """
        error = self._error
        if error is not None and not isinstance(error, Exception):
            raise error
        if self._is_needed:
            raise StartupError(
                "the application does not know the lifespan protocol: "
                + ("it has returned" if error is None else f"it raised {error!r}")
            ) from error
        logger.debug("the application does not know the lifespan protocol", exc_info=error)

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._application(scope, self._events.get, self._send)
        except asyncio.CancelledError as exc:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            self._note_error(exc)
        except BaseException as exc:
            self._note_error(exc)

    def _note_error(self, exc: BaseException) -> None:
        self._error = exc
        if self._failure is None and self._is_started.is_set():
            what = "stop" if self._is_stopped.is_set() else "lifespan"
            logger.error("the application's %s failed", what, exc_info=exc)

    async def _send(self, message: dict[str, Any]) -> None:
        """Handle an event of the application.

        :raises RuntimeError: if the event is not allowed now.
        """
        kind = message["type"]
        phase, _, outcome = kind.removeprefix("lifespan.").partition(".")
        is_over = {"startup": self._is_started, "shutdown": self._is_stopped}.get(phase)
        if is_over is None or outcome not in ("complete", "failed"):
            raise RuntimeError(f"{kind!r} is no event of the lifespan protocol")
        if is_over.is_set() or (phase == "shutdown" and not self._is_started.is_set()):
            raise RuntimeError(f"{kind!r} was sent twice, or too early")
        if outcome == "failed":
            self._failure = str(message.get("message", "")).strip() or "it has not said why"
        is_over.set()

    async def _cancel(self) -> None:
        """Cancel the application's task."""
        task = self._task
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task], timeout=LAST_WORDS)
        if not task.done():
            logger.error("the application's lifespan does not end")


class Served:
    """The state of an application in one event loop while someone serves it there."""

    __slots__ = ("lifespan", "lock", "servers")

    def __init__(self) -> None:
        self.lifespan: Lifespan | None = None
        """``None`` while it is not started."""
        self.lock = asyncio.Lock()
        """Held during a start or a stop."""
        self.servers = 0
        """The number of servers that use it or wait for its start."""


class Lifespans:
    """Starts and stops an application in every event loop that serves it.

    If several servers use it in one loop, it starts with the first and stops with the last.

    :param application: an ASGI callable.
    :param mode: one of :data:`MODES`.
    """

    def __init__(self, application: ASGICallable, mode: str) -> None:
        self.going_on: set[HTTPCall] = set()
        """Calls that still run after their answer. A stop waits for them."""
        self._application = application
        self._mode = mode
        self._served: dict[asyncio.AbstractEventLoop, Served] = {}

    def state_of(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        """Return the state of the application in a loop. Each request gets a copy."""
        served = self._served.get(loop)
        return {} if served is None or served.lifespan is None else served.lifespan.state

    async def start(self, ctx: "Context | None" = None) -> None:
        """Start the application, unless it already runs in this loop.

        :raises StartupError: if the start has failed.
        """
        loop = asyncio.get_running_loop()
        served = self._served.setdefault(loop, Served())
        served.servers += 1
        try:
            async with served.lock:
                if served.lifespan is None:
                    lifespan = Lifespan(self._application, self._mode == "on")
                    if self._mode != "off":
                        await lifespan.start()
                    served.lifespan = lifespan
        except BaseException:
            self._leave(loop, served)
            raise

    async def stop(self, grace: float, abort: asyncio.Event | None = None) -> None:
        """Wait for calls that still run after their answer, and then stop the application.

        :param grace: seconds before such calls are cancelled.
        :param abort: ends the waiting when it is set.
        """
        loop = asyncio.get_running_loop()
        served = self._served[loop]
        if served.servers > 1:
            self._leave(loop, served)
            return
        async with served.lock:
            lifespan = served.lifespan
            try:
                calls = [call for call in self.going_on if call.exchange.owner.loop is loop]
                await end_calls(calls, grace, abort)
            finally:
                try:
                    if lifespan is not None:
                        await lifespan.stop(abort)
                finally:
                    # A server that starts to use it meanwhile waits for this stop, and starts it again.
                    served.lifespan = None
                    self._leave(loop, served)

    def _leave(self, loop: asyncio.AbstractEventLoop, served: Served) -> None:
        served.servers -= 1
        if not served.servers:
            del self._served[loop]


_known: Final[weakref.WeakValueDictionary[tuple[int, str], Lifespans]] = weakref.WeakValueDictionary()


def lifespans_of(application: ASGICallable, mode: str) -> Lifespans:
    """Return the lifespans of an application, the same object for all hosts of one callable.

    The parameters are those of :class:`Lifespans`.
    """
    # The entry keeps the application alive, so its id() is not reused.
    return _known.setdefault((id(application), mode), Lifespans(application, mode))


async def end_calls(calls: "Collection[HTTPCall]", grace: float, abort: asyncio.Event | None) -> None:
    """Wait for calls that still run after their answer, and cancel the rest.

    :param grace: seconds before they are cancelled.
    :param abort: ends the waiting when it is set.
    """
    found = [call.task or call.exchange.task for call in calls]
    tasks = {task for task in found if task is not None and not task.done()}
    if not tasks:
        return
    try:
        if grace > 0:
            waits = [asyncio.wait(tasks)] if abort is None else [asyncio.wait(tasks), abort.wait()]
            await wait_first(*waits, within=grace)
    finally:
        # Leave no task behind even if the stop itself is cancelled.
        late = {task for task in tasks if not task.done()}
        for task in late:
            task.cancel()
    if late:
        logger.warning("cancelling %d requests that go on behind their answers", len(late))
        await asyncio.wait(late, timeout=LAST_WORDS)


async def _elapse_after(event: asyncio.Event) -> None:
    await event.wait()
    await asyncio.sleep(LAST_WORDS)
