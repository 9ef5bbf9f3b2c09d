"""The end of the process. Threads cannot be cancelled, and Python waits for them all.

The log names the threads that keep the process, and the next signal ends it.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Collection
from typing import Final

from kyoukai.private_names import WORKER_CODE
from kyoukai.server.signals import forgive
from kyoukai.server.starting import DEFAULTS

logger: Final = logging.getLogger("kyoukai.server")

LAST_WORDS: Final = 1.0
"""Seconds that threads have to end before they are logged: the same as for other work cut off at a stop."""

POLL_INTERVAL: Final = 0.01
"""Seconds between two checks."""


def name_threads_left(others: Collection[threading.Thread], patience: float = LAST_WORDS) -> None:
    """Log the threads that keep the process from ending, if any, and let the next signal end it.

    :param others: threads to ignore.
    :param patience: seconds that the threads have to end before.
    """
    end = time.monotonic() + patience
    while left := busy_threads(others):
        if time.monotonic() >= end:
            # Restore the default handlers before logging: a reader of the log may send the signal at once.
            for number, default in DEFAULTS.items():
                if signal.getsignal(number) is forgive:
                    signal.signal(number, default)
            places = ", ".join(f"{thread.name} at {place}" for thread, place in left.items())
            logger.warning("threads keep the process from ending: %s; the next signal ends it", places)
            return
        time.sleep(POLL_INTERVAL)


def busy_threads(others: Collection[threading.Thread]) -> dict[threading.Thread, str]:
    """Return the threads that Python would wait for, with the file and line that each is at.

    :param others: threads to leave out.
    """
    frames = sys._current_frames()
    busy = {}
    for thread in threading.enumerate():
        frame = None if thread.ident is None else frames.get(thread.ident)
        # Python ends idle threads of a pool at once.
        if thread.daemon or thread in others or frame is None or frame.f_code is WORKER_CODE:
            continue
        busy[thread] = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return busy
