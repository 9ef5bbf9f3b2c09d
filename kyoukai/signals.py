"""POSIX signals: the first lets requests under way finish, the second stops at once."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT stop the loop between two of its steps, as Asphalt lets SIGTERM.

    Python's own way raises KeyboardInterrupt wherever the process happens to be: inside a handler,
    say, whose answer would be lost. Whoever has set a handler already keeps it.
    """
    loop = asyncio.get_running_loop()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with signals_call(loop.stop, signal.SIGINT):
        yield


@contextlib.contextmanager
def signals_call(callback: Callable[[], object], *signals: signal.Signals) -> Iterator[None]:
    """Call ``callback`` in the loop when one of the signals comes; by default SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in signals or (signal.SIGINT, signal.SIGTERM):
        # Only the main thread has signals, and not every system's loop.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, callback)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
