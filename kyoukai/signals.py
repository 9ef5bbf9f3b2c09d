"""POSIX signals: the first lets requests under way finish, the second stops at once."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, Final

from asphalt.core import Context

SETTLING_TIME: Final = 0.1
"""Seconds. Asphalt's runner goes from one run of the loop to the next when all has started, and a
stop between the two is forgotten: none is tried before."""

DEFAULTS: Final[dict[signal.Signals, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextlib.contextmanager
def interruptible(ctx: Context) -> Iterator[list[signal.Signals]]:
    """Let SIGINT and SIGTERM stop the loop between two of its steps.

    Asphalt does so for SIGTERM, when everything has started. Python's own way with SIGINT raises
    KeyboardInterrupt wherever the process happens to be: inside a handler, say, whose answer would
    be lost. Whoever has set a handler already keeps it.

    :param ctx: the context whose end the stop of the loop leads to.
    :return: the signals that it handles.
    """
    loop = asyncio.get_running_loop()
    settled = loop.time() + SETTLING_TIME

    def stop() -> None:
        if ctx.closed:
            return
        if loop.time() < settled:
            loop.call_at(settled, stop)
        else:
            loop.stop()

    def handle(number: int, frame: FrameType | None) -> None:
        # uvloop forgets the signals of add_signal_handler between two runs; Python does not.
        loop.call_soon_threadsafe(stop)

    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number, default in DEFAULTS.items() if is_main and signal.getsignal(number) is default]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield ours
    finally:
        for number in ours:
            if signal.getsignal(number) is handle:
                signal.signal(number, forgive)


@contextlib.contextmanager
def signals_call(callback: Callable[[], object], forgiven: Iterable[signal.Signals]) -> Iterator[None]:
    """Call ``callback`` in the loop when SIGINT or SIGTERM comes.

    :param forgiven: those of which one more does nothing afterwards.
    """
    loop = asyncio.get_running_loop()
    handled = []
    for number in DEFAULTS:
        # Only the main thread has signals, and not every system's loop.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, callback)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
        for number in forgiven:
            signal.signal(number, forgive)


def forgive(number: int, frame: FrameType | None) -> None:
    """Do nothing, this once: a process that is ending anyway should end with exit status 0."""
    signal.signal(number, DEFAULTS[signal.Signals(number)])
