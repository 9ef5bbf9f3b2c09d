"""An end to a backend that keeps the event loop to itself: no timeout of asyncio's can interrupt it.

Where there is a signal for it, and nobody else uses that, a timer of the process is put off by the loop
for as long as it runs. When it goes off, :class:`StuckError` is raised where the program is, again and again
until the loop runs or the watch is over.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ("STUCK_TIMEOUT", "StuckError", "Watch", "watching")

STUCK_TIMEOUT: Final = 10.0
"""Seconds for which a backend may keep the event loop to itself."""

SIGNAL: Final = getattr(signal, "SIGALRM", None)


class StuckError(BaseException):
    """The event loop has not run for too long. It is no ``Exception``, so that few can swallow it."""

    def __str__(self) -> str:
        """Return what is wrong."""
        return "the event loop was kept for too long"


class Watch:
    """What a watch has seen so far.

    :param seconds: for how long the loop may stand still.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.place: str | None = None
        """File and line of what kept the loop, if anything did."""

    def beat(self) -> None:
        """Put the timer off, now and from now on; it is called in the event loop that is watched."""
        if SIGNAL is not None and signal.getsignal(SIGNAL) == self.interrupt:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)
            asyncio.get_running_loop().call_later(self.seconds / 8, self.beat)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise :class:`StuckError`, and note where."""
        if frame is not None and self.place is None:
            self.place = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        raise StuckError


@contextmanager
def watching(seconds: float) -> Iterator[Watch]:
    """Watch the event loop that calls :meth:`Watch.beat`, until this block is left.

    In another thread than the main one, and where the signal is not free, nothing is watched.

    :param seconds: for how long the loop may stand still.
    """
    watch = Watch(seconds)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if SIGNAL is None or not in_main_thread or signal.getsignal(SIGNAL) is not signal.SIG_DFL:
        yield watch
        return
    signal.signal(SIGNAL, watch.interrupt)
    try:
        yield watch
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(SIGNAL, signal.SIG_DFL)
