"""The threads of one WSGI application. A stop waits until their calls have ended."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from kyoukai.core.serving.strands import Strand
from kyoukai.core.serving.threads import Threads, outlast, threads

from .call import Begun, WSGICall


class Workers:
    """The threads of one application. They start when they are first needed.

    :param name: the name of the application in log lines.
    :param threads: the number of threads. Further calls wait for one.
    """

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.threads = threads
        self.jobs: set[Job] = set()
        """The calls that run in a thread or wait for one."""
        self._pool: ThreadPoolExecutor | None = None

    async def answer(self, call: WSGICall) -> Begun:
        """Make a call in a thread, and return the answer as soon as its head is known.

        A cancellation waits for the thread, whose next write then fails.

        :raises Exception: the exception of the application, if there is no head yet.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, f"wsgi {self.name}")
        job = Job(call, self)
        future = job.begin(self._pool)
        try:
            return await call.begun
        except asyncio.CancelledError:
            # Nobody will take a later answer: its future is cancelled too.
            call.abandon()
            call.drop()
            await job.leave(future)
            raise

    def stop(self) -> None:
        """End the idle threads, and each busy one after its call."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


class Job:
    """One call in a thread.

    :param call: the call to make.
    :param workers: the owner of the thread.
    """

    __slots__ = ("_call", "_ended", "_group", "_is_left", "_is_over", "_strand", "_workers", "thread")

    def __init__(self, call: WSGICall, workers: Workers) -> None:
        self._call = call
        self._workers = workers
        # The application runs in the context of this request, as a handler does.
        self._strand = Strand()
        self._group: Threads = threads.get()
        self._ended: asyncio.Future[None] | None = None
        self._is_over = self._is_left = False
        self.thread: threading.Thread | None = None
        """The thread of the call, once it runs."""

    @property
    def name(self) -> str:
        """The name of the call in log lines."""
        return self._workers.name

    def begin(self, pool: ThreadPoolExecutor) -> "Future[None]":
        """Submit the call to a thread pool.

        :raises RuntimeError: if Python is shutting down and starts no more threads.
        """
        self._workers.jobs.add(self)
        self._group.enter(self, self._go_on)
        try:
            return pool.submit(self.run)
        except BaseException:
            self._end()
            raise

    def run(self) -> None:
        """Make the call. Runs in the thread."""
        self.thread = threading.current_thread()
        try:
            self._strand.run(self._call.run)
        finally:
            self._end()

    async def leave(self, future: "Future[None]") -> None:
        """Wait until the call has ended or was cancelled before it began. Raise a cancellation only then.

        :param future: the pool's future for this call.
        """
        if future.cancel():
            self._end()  # It will never begin.
        elif not self._is_left:
            self._ended = ended = asyncio.get_running_loop().create_future()
            # The thread sets one flag before it reads the other; the loop does it in the opposite order.
            if not self._is_over:
                await outlast(ended)

    def _end(self) -> None:
        self._workers.jobs.discard(self)
        self._group.leave_out(self)
        self._is_over = True
        ended = self._ended
        if ended is not None:
            # The loop is closed, so nobody waits.
            with contextlib.suppress(RuntimeError):
                ended.get_loop().call_soon_threadsafe(_set, ended)

    def _go_on(self) -> None:
        """Let the waiting task go on without the thread."""
        self._is_left = True
        if self._ended is not None:
            self._ended.cancel()


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)
