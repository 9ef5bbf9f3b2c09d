"""Work in threads, which is waited for until it lets go.

A thread cannot be cancelled, and whoever awaits its work can. A cancellation is raised once the thread has
let go, however often it is repeated, so that nothing is closed while a thread uses it.
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

    :param function: what is called.
    :param strand: where.
    :param name: what the log calls it.
    :param discard: called in the same strand with a result that nobody takes.
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
        # Lists, since pop() is atomic: of loop and thread, the one that takes it has it.
        self._results: list[Any] = []
        self._tickets = [True]
        self.name = name
        self.strand = strand
        self.thread: threading.Thread | None = None
        """Where it runs, once it has begun."""

    def run(self) -> Any:
        """Do it; in the thread."""
        if not self.withdraw():
            return None
        self.thread = threading.current_thread()
        try:
            return self.strand.run(self._call)
        except (StopIteration, GeneratorExit) as exc:
            # A future refuses the one, and whoever awaits it would wait for ever. A coroutine turns it into
            # the same error. The other one would close the coroutine that awaits it.
            raise RuntimeError(f"{self.name} raised {type(exc).__name__}") from exc

    def withdraw(self) -> bool:
        """Take the right to begin, and return whether it was there to be taken."""
        try:
            return self._tickets.pop()
        except IndexError:
            return False

    def disown(self) -> None:
        """Have a result discarded that nobody waits for any more, whenever it comes."""
        self._is_disowned = True
        # Where the thread takes no notice any more, the result is there.
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
    """What runs in a thread, for the log."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def thread(self) -> threading.Thread | None:
        """Where it runs, once it has begun."""


class Threads:
    """What runs in threads for one server."""

    def __init__(self) -> None:
        self._works: dict[Placed, Callable[[], object]] = {}
        self._idle: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._works)

    def __str__(self) -> str:
        """Name all that is under way, and the line that each is at."""
        frames = sys._current_frames()
        return ", ".join(_place(work, frames) for work in tuple(self._works))

    def begin(self, work: Work, pool: Executor | None = None) -> "asyncio.Future[Any]":
        """Have a thread do it.

        :param pool: whose thread; by default one of the loop's default executor.
        """
        future = asyncio.get_running_loop().run_in_executor(pool, work.run)
        self.enter(work, future.cancel)
        future.add_done_callback(lambda _: self.leave_out(work))
        return future

    def enter(self, work: Placed, leave: Callable[[], object]) -> None:
        """Note what a thread will do: :meth:`leave_out` follows.

        :param leave: lets whoever waits for it go on without it.
        """
        self._works[work] = leave

    def leave_out(self, work: Placed) -> None:
        """Note that it is done, or will not be. It may be called in any thread."""
        self._works.pop(work, None)
        # Whoever waits sets this first, and then looks at what is left.
        idle = self._idle
        if idle is not None and not self._works:
            # A loop that is closed waits for nothing.
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
        """Let all that wait for a thread go on without it: the process is to end now."""
        for work, leave in tuple(self._works.items()):
            leave()
            self.leave_out(work)


threads: Final[ContextVar[Threads]] = ContextVar("threads", default=Threads())  # noqa: B039
"""Those of the server that a request is answered by."""

max_threads: Final[ContextVar[int | None]] = ContextVar("max_threads", default=None)
"""How many threads the process was told to have for what blocks; ``None``: nobody said."""


async def run_in_thread(
    function: Callable[[], T],
    name: str,
    strand: Strand | None = None,
    pool: Executor | None = None,
    *,
    discard: Callable[[T], object] | None = None,
    is_due: bool = False,
) -> T:
    """Call ``function`` in a thread, and return what it returns.

    A cancellation waits until the thread has let go, and so does each further one.

    :param name: what the log calls it.
    :param strand: where it runs; by default in one of its own.
    :param pool: whose thread; by default one of the loop's default executor.
    :param discard: called with the result, in the same strand, where a cancellation takes its place.
    :param is_due: whether it is called even if it is cancelled before it has begun.
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
        cancellation = None  # Its traceback leads back to here: a cycle.


async def outlast(future: "asyncio.Future[Any]") -> None:
    """Wait until ``future`` is done, and raise a cancellation only then."""
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
    """Wait until the first of them ends, and cancel the others.

    :param within: seconds after which none is waited for any more, but for those in which the loop stands
        still.
    """
    awaited = coroutines if within is None else (*coroutines, elapse(within))
    waiters = [asyncio.ensure_future(coroutine) for coroutine in awaited]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


async def watch(future: "asyncio.Future[Any]") -> None:
    """Wait until ``future`` is done; a cancellation does not cancel it, nor is its exception raised."""
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
