"""The end of a process: a thread cannot be cancelled, and Python waits for each.

Who waits with it is told for what, and need not.
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
"""Seconds that threads have to end in before they are named: as many as what else is cut off at a stop."""

POLL_INTERVAL: Final = 0.01
"""Seconds between two looks at them."""


def name_threads_left(others: Collection[threading.Thread], patience: float = LAST_WORDS) -> None:
    """Log which threads keep the process from ending, if any do, and let the next signal end it.

    :param others: those that it is no business of.
    :param patience: seconds that they have to end in before.
    """
    end = time.monotonic() + patience
    while left := busy_threads(others):
        if time.monotonic() >= end:
            # It is so before it is said: who reads that at once may send the signal at once.
            for number, default in DEFAULTS.items():
                if signal.getsignal(number) is forgive:
                    signal.signal(number, default)
            places = ", ".join(f"{thread.name} at {place}" for thread, place in left.items())
            logger.warning("threads that do not end keep the process: %s; the next signal ends it", places)
            return
        time.sleep(POLL_INTERVAL)


def busy_threads(others: Collection[threading.Thread]) -> dict[threading.Thread, str]:
    """Return the threads that Python would wait for, and at which line of which file each is.

    :param others: those that are left out.
    """
    frames = sys._current_frames()
    busy = {}
    for thread in threading.enumerate():
        frame = None if thread.ident is None else frames.get(thread.ident)
        # Python ends an idle worker of a pool at once.
        if thread.daemon or thread in others or frame is None or frame.f_code is WORKER_CODE:
            continue
        busy[thread] = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return busy
