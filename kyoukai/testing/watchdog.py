"""A watchdog for a backend that blocks the event loop, where no asyncio timeout can interrupt it.

The watchdog uses a process timer and its signal, if the platform has one and nothing else uses it. While
the event loop runs, it keeps pushing the timer back. When the timer fires, :class:`StuckError` is raised in
the code that is running, again and again until the loop runs or the watch ends.
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
"""Seconds for which a backend may block the event loop."""

SIGNAL: Final = getattr(signal, "SIGALRM", None)


class StuckError(BaseException):
    """The event loop was blocked for too long. Not an ``Exception``, so that few handlers catch it."""

    def __str__(self) -> str:
        """Return the message."""
        return "the event loop was blocked for too long"


class Watch:
    """The state of one watch.

    :param seconds: for how long the event loop may be blocked.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.place: str | None = None
        """File and line of the code that blocked the loop, if any did."""

    def beat(self) -> None:
        """Push the timer back, now and repeatedly. Call it in the event loop to watch."""
        if SIGNAL is not None and signal.getsignal(SIGNAL) == self.interrupt:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)
            asyncio.get_running_loop().call_later(self.seconds / 8, self.beat)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Note where the program is, and raise :class:`StuckError`."""
        if frame is not None and self.place is None:
            self.place = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
        raise StuckError


@contextmanager
def watching(seconds: float) -> Iterator[Watch]:
    """Watch the event loop that calls :meth:`Watch.beat` until the block is left.

    Outside of the main thread, or if the signal is already in use, nothing is watched.

    :param seconds: for how long the event loop may be blocked.
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
