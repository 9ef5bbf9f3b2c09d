"""Running work in threads, and waiting for it despite cancellation.

A thread cannot be cancelled, but a task that awaits it can. A cancellation is raised after the thread has
ended its work, even if it is repeated, so that nothing is closed while a thread uses it.
"""

import asyncio
import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar

from .awake import elapse
from .strands import Strand

T = TypeVar("T")


class Work:
    """One call in a thread.

    :param function: the function to call.
    :param strand: the strand to call it in.
    :param name: its name in the log.
    :param discard: called in the same strand with a result that is no longer wanted.
    """

    __slots__ = ("_discard", "_function", "_is_disowned", "_results", "_tickets", "name", "strand", "thread")

    def __init__(
        self,
        function: Callable[[], Any],
        strand: Strand,
        name: str,
        discard: Callable[[Any], object] | None = None,
    ) -> None:
        self._function = function
        self._discard = discard
        self._is_disowned = False
        # Lists, because pop() is atomic: either the loop or the thread takes the item.
        self._results: list[Any] = []
        self._tickets = [True]
        self.name = name
        self.strand = strand
        self.thread: threading.Thread | None = None
        """The thread that runs it, after it has begun."""

    def run(self) -> Any:
        """Run the call, in the thread."""
        if not self.withdraw():
            return None
        self.thread = threading.current_thread()
        try:
            return self.strand.run(self._call)
        except (StopIteration, GeneratorExit) as exc:
            # A future rejects StopIteration, and its awaiter would wait forever; a coroutine turns it into
            # the same error. GeneratorExit would close the awaiting coroutine.
            raise RuntimeError(f"{self.name} raised {type(exc).__name__}") from exc

    def withdraw(self) -> bool:
        """Take the right to run, and return whether it was still available."""
        try:
            return self._tickets.pop()
        except IndexError:
            return False

    def disown(self) -> None:
        """Have the result discarded, now or when it arrives: it is no longer wanted."""
        self._is_disowned = True
        # If the thread is past its check, the result is already there.
        self._discard_result()

    def _call(self) -> Any:
        result = self._function()
        if self._discard is not None:
            self._results.append(result)
            if self._is_disowned:
                self._discard_result()
        return result

    def _discard_result(self) -> None:
        if self._discard is not None and self._results:
            try:
                result = self._results.pop()
            except IndexError:
                return
            self.strand.run(self._discard, result)


class Placed(Protocol):
    """An item that runs in a thread, for the log."""

    @property
    def name(self) -> str:
        """Its name in the log."""

    @property
    def thread(self) -> threading.Thread | None:
        """The thread that runs it, after it has begun."""


class Threads:
    """The work in threads of one server."""

    def __init__(self) -> None:
        self._works: dict[Placed, Callable[[], object]] = {}
        self._idle: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._works)

    def __str__(self) -> str:
        """Return the names of all items under way, and the line at which each is."""
        frames = sys._current_frames()
        return ", ".join(_place(work, frames) for work in tuple(self._works))

    def begin(self, work: Work, pool: Executor | None = None) -> "asyncio.Future[Any]":
        """Run work in a thread.

        :param pool: the executor; by default that of the loop.
        """
        future = asyncio.get_running_loop().run_in_executor(pool, work.run)
        self.enter(work, future.cancel)
        future.add_done_callback(lambda _: self.leave_out(work))
        return future

    def enter(self, work: Placed, leave: Callable[[], object]) -> None:
        """Note an item that a thread will run; :meth:`leave_out` follows.

        :param leave: lets those that wait for it go on without it.
        """
        self._works[work] = leave

    def leave_out(self, work: Placed) -> None:
        """Note that an item has ended or will not run. It may be called in any thread."""
        self._works.pop(work, None)
        # The waiter sets self._idle first, and then checks for remaining items.
        idle = self._idle
        if idle is not None and not self._works:
            # A closed loop raises RuntimeError.
            with contextlib.suppress(RuntimeError):
                idle.get_loop().call_soon_threadsafe(_wake, idle, None)

    async def wait_idle(self) -> None:
        """Wait until nothing is under way."""
        loop = asyncio.get_running_loop()
        while self._works:
            if self._idle is None or self._idle.done() or self._idle.get_loop() is not loop:
                self._idle = loop.create_future()
            if self._works:
                await watch(self._idle)

    def leave(self) -> None:
        """Let all that wait for a thread go on without it: the process has to end now."""
        for work, leave in tuple(self._works.items()):
            leave()
            self.leave_out(work)


threads: Final[ContextVar[Threads]] = ContextVar("threads", default=Threads())  # noqa: B039
"""The group of the server that answers the current request."""

max_threads: Final[ContextVar[int | None]] = ContextVar("max_threads", default=None)
"""The configured number of threads for blocking calls; ``None`` if there is no setting."""


async def run_in_thread(
    function: Callable[[], T],
    name: str,
    strand: Strand | None = None,
    pool: Executor | None = None,
    *,
    discard: Callable[[T], object] | None = None,
    is_due: bool = False,
) -> T:
    """Call ``function`` in a thread, and return its result.

    Cancellations, however many, are raised after the thread has ended its work.

    :param name: its name in the log.
    :param strand: the strand to call it in; by default a new one.
    :param pool: the executor; by default that of the loop.
    :param discard: called with the result, in the same strand, if a cancellation is raised instead.
    :param is_due: whether to call it even if it is cancelled before it has begun.
    """
    group = threads.get()
    work = Work(function, strand or Strand(), name, discard)
    future = group.begin(work, pool)
    cancellation: asyncio.CancelledError | None = None
    try:
        while not future.done():
            try:
                await watch(future)
            except asyncio.CancelledError as exc:
                if not is_due and work.withdraw():
                    future.cancel()
                    raise
                cancellation = cancellation or exc
        if future.cancelled():
            work.disown()
        elif cancellation is not None and future.exception() is None and discard is not None:
            await run_in_thread(work.disown, name, work.strand, is_due=True)
        if cancellation is not None:
            raise cancellation
        return future.result()  # type: ignore[no-any-return]
    finally:
        cancellation = None  # Its traceback refers to this frame: a cycle.


async def outlast(future: "asyncio.Future[Any]") -> None:
    """Wait until ``future`` is done; raise a cancellation only afterwards."""
    cancellation: asyncio.CancelledError | None = None
    try:
        while not future.done():
            try:
                await watch(future)
            except asyncio.CancelledError as exc:
                cancellation = cancellation or exc
        if cancellation is not None:
            raise cancellation
    finally:
        cancellation = None


async def wait_first(*coroutines: Coroutine[Any, Any, Any], within: float | None = None) -> None:
    """Wait until the first of the coroutines ends, and cancel the others.

    :param within: the most seconds to wait, not counting those in which the loop stands still.
    """
    awaited = coroutines if within is None else (*coroutines, elapse(within))
    waiters = [asyncio.ensure_future(coroutine) for coroutine in awaited]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


async def watch(future: "asyncio.Future[Any]") -> None:
    """Wait until ``future`` is done, without raising its exception; a cancellation does not cancel it."""
    waiter = asyncio.get_running_loop().create_future()
    wake = functools.partial(_wake, waiter)
    future.add_done_callback(wake)
    try:
        await waiter
    finally:
        future.remove_done_callback(wake)


def _place(work: Placed, frames: dict[int, Any]) -> str:
    thread = work.thread
    if thread is None:
        return f"{work.name}, which waits for a thread"
    frame = frames.get(thread.ident or 0)
    where = "" if frame is None else f" at {frame.f_code.co_filename}:{frame.f_lineno}"
    return f"{work.name} in {thread.name}{where}"


def _wake(waiter: "asyncio.Future[None]", _: object) -> None:
    if not waiter.done():
        waiter.set_result(None)
