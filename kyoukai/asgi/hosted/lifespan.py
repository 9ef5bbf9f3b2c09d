"""The lifespan protocol of ASGI: an application's start and stop, in a task of their own.

Each event loop that an application is served in has one, with a state of its own.
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
"""Seconds that an application has to end in once it is cancelled."""


class StartupError(KyoukaiError, RuntimeError):
    """An application has said by the lifespan protocol that its start has failed."""


class Lifespan:
    """One start and stop of an application.

    :param application: it is called with a scope of the type ``lifespan``.
    :param is_needed: whether it is an error if it does not know the protocol.
    """

    def __init__(self, application: ASGICallable, is_needed: bool) -> None:
        self.state: dict[str, Any] = {}
        """What requests get a copy of."""
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

        :raises StartupError: if its start has failed.
        :raises BaseException: what it raised that is no Exception.
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

        :param abort: once it is set, the application has :data:`LAST_WORDS` left.
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
            # What was cancelled in this turn of the loop ends in the next.
            await asyncio.sleep(0)

    def _check_support(self) -> None:
        """Judge an application that has ended without a word.

        :raises StartupError: if it has to know the protocol.
        :raises BaseException: what it raised that is no Exception.
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
        """Take an event of the application.

        :raises RuntimeError: if it cannot follow.
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
        """End what is left of it."""
        task = self._task
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task], timeout=LAST_WORDS)
        if not task.done():
            logger.error("the application's lifespan does not end")


class Served:
    """An application in one event loop, as long as somebody serves it there."""

    __slots__ = ("lifespan", "lock", "servers")

    def __init__(self) -> None:
        self.lifespan: Lifespan | None = None
        """``None``: it is not started."""
        self.lock = asyncio.Lock()
        """Held by who starts or stops it."""
        self.servers = 0
        """How many serve it, or wait until it is started."""


class Lifespans:
    """The start and the stop of an application, in every event loop that it is served in.

    If several serve it in one loop, it starts with the first and stops with the last.

    :param application: an ASGI callable.
    :param mode: one of :data:`MODES`.
    """

    def __init__(self, application: ASGICallable, mode: str) -> None:
        self.going_on: set[HTTPCall] = set()
        """Calls that go on behind their answers: a stop waits for them."""
        self._application = application
        self._mode = mode
        self._served: dict[asyncio.AbstractEventLoop, Served] = {}

    def state_of(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        """Return the state that the application has in a loop: each request gets a copy."""
        served = self._served.get(loop)
        return {} if served is None or served.lifespan is None else served.lifespan.state

    async def start(self, ctx: "Context | None" = None) -> None:
        """Start the application, unless it is served in this loop already.

        :raises StartupError: if its start has failed.
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
        """Wait for calls that go on behind their answers, and then stop the application.

        :param grace: seconds to wait before such calls are cancelled.
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
                    # Who begins to serve it meanwhile waits for that, and starts it anew.
                    served.lifespan = None
                    self._leave(loop, served)

    def _leave(self, loop: asyncio.AbstractEventLoop, served: Served) -> None:
        served.servers -= 1
        if not served.servers:
            del self._served[loop]


_known: Final[weakref.WeakValueDictionary[tuple[int, str], Lifespans]] = weakref.WeakValueDictionary()


def lifespans_of(application: ASGICallable, mode: str) -> Lifespans:
    """Return the start and the stop of an application: the same to all that host the same callable.

    The parameters are those of :class:`Lifespans`.
    """
    # As long as an entry is there, its application is, and no other object has its number.
    return _known.setdefault((id(application), mode), Lifespans(application, mode))


async def end_calls(calls: "Collection[HTTPCall]", grace: float, abort: asyncio.Event | None) -> None:
    """Wait for calls that go on behind their answers, and cancel what is left of them.

    :param grace: seconds to wait before they are cancelled.
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
        # Who cuts the stop off leaves no task, either.
        late = {task for task in tasks if not task.done()}
        for task in late:
            task.cancel()
    if late:
        logger.warning("cancelling %d requests that go on behind their answers", len(late))
        await asyncio.wait(late, timeout=LAST_WORDS)


async def _elapse_after(event: asyncio.Event) -> None:
    await event.wait()
    await asyncio.sleep(LAST_WORDS)
