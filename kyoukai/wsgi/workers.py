"""The threads of one application of WSGI, and a call in one of them, which is waited for until it lets go."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from kyoukai.core.serving.strands import Strand
from kyoukai.core.serving.threads import Threads, outlast, threads

from .call import Begun, WSGICall


class Workers:
    """The threads of one application. They are started when they are needed first.

    :param name: what the log calls the application.
    :param threads: how many there are; further calls wait for one.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.jobs: set[Job] = set()
        """The calls that wait for a thread, or have one."""
        self._pool: ThreadPoolExecutor | None = None

    async def answer(self, call: WSGICall) -> Begun:
        """Have a thread make a call, and return the answer as soon as its head is known.

        A cancellation waits for the thread, which is told of it when it next writes.

        :raises Exception: what the application raised before.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, f"wsgi {self.name}")
        job = Job(call, self)
        future = job.begin(self._pool)
        try:
            return await call.begun
        except asyncio.CancelledError:
            # What is not there yet is for nobody: the future that it would be put into is cancelled, too.
            call.abandon()
            call.drop()
            await job.leave(future)
            raise

    def stop(self) -> None:
        """Have no more threads than have something to do."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


class Job:
    """One call, in a thread.

    :param call: what is made.
    :param workers: whose thread.
    """

    __slots__ = ("_call", "_ended", "_group", "_is_left", "_is_over", "_strand", "_workers", "thread")

    def __init__(self, call: WSGICall, workers: Workers) -> None:
        self._call = call
        self._workers = workers
        # What the application finds is this request's context, as a handler does.
        self._strand = Strand()
        self._group: Threads = threads.get()
        self._ended: asyncio.Future[None] | None = None
        self._is_over = self._is_left = False
        self.thread: threading.Thread | None = None
        """Where it runs, once it has begun."""

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self._workers.name

    def begin(self, pool: ThreadPoolExecutor) -> "Future[None]":
        """Have a thread of a pool make the call.

        :raises RuntimeError: if Python is about to end, and starts no threads any more.
        """
        self._workers.jobs.add(self)
        self._group.enter(self, self._go_on)
        try:
            return pool.submit(self.run)
        except BaseException:
            self._end()
            raise

    def run(self) -> None:
        """Make the call; in the thread."""
        self.thread = threading.current_thread()
        try:
            self._strand.run(self._call.run)
        finally:
            self._end()

    async def leave(self, future: "Future[None]") -> None:
        """Wait until the thread has let go, which may not have begun; a cancellation is raised only then.

        :param future: what the pool returned for it.
        """
        if future.cancel():
            self._end()  # It never will begin.
        elif not self._is_left:
            self._ended = ended = asyncio.get_running_loop().create_future()
            # The thread sets the one before it looks at the other; here it is the other way round.
            if not self._is_over:
                await outlast(ended)

    def _end(self) -> None:
        self._workers.jobs.discard(self)
        self._group.leave_out(self)
        self._is_over = True
        ended = self._ended
        if ended is not None:
            # A loop that is closed waits for nothing.
            with contextlib.suppress(RuntimeError):
                ended.get_loop().call_soon_threadsafe(_set, ended)

    def _go_on(self) -> None:
        """Let whoever waits for the thread go on without it."""
        self._is_left = True
        if self._ended is not None:
            self._ended.cancel()


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
