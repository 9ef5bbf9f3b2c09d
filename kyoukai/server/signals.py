"""Signals while the server runs: the first one lets running requests finish, the second stops at once."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import FrameType
from typing import Final, NamedTuple

from asphalt.core import Context

from kyoukai.server.starting import DEFAULTS, free_signals, starting

LOOKS: Final = 10
"""Number of checks whether Asphalt's runner has reached its last run of the loop. An earlier stop is lost or
makes the start fail. The checks count turns of the loop instead of time, because the process may have
been paused. Other runners have no such run.
"""

LOOK_INTERVAL: Final = 0.01
"""Seconds between two checks."""

TURNS_TO_READ: Final = 2
"""Turns of the loop after which asyncio has surely read earlier signals. The signal that stopped the loop
may still be unread; it would count as a second one, and all responses would be cut off."""


class Interruption(NamedTuple):
    """The value that :func:`interruptible` yields."""

    handled: list[signal.Signals]
    """The signals that stop the loop."""
    stop: Callable[[], None]
    """Stops the loop as these signals do. Call it in the loop."""


@contextlib.contextmanager
def interruptible(ctx: Context) -> Iterator[Interruption]:
    """Let SIGINT and SIGTERM stop the loop between two of its steps.

    Asphalt handles only SIGTERM, and only once everything has started. For SIGINT, Python raises
    KeyboardInterrupt wherever the process happens to be: for example inside a handler, whose response would
    be lost. A signal that already has a handler keeps it.

    :param ctx: the context that closes when the loop stops.
    """
    loop = asyncio.get_running_loop()

    def stop(number: int, looks: int = LOOKS) -> None:
        if ctx.closed:
            return
        if starting.is_under_way:
            # Other components are still starting.
            starting.handle(number, None)
        elif looks and signal.getsignal(signal.SIGTERM) is before:
            # The runner sets its own handler when it reaches that run.
            loop.call_later(LOOK_INTERVAL, stop, number, looks - 1)
        else:
            loop.stop()

    def handle(number: int, frame: FrameType | None) -> None:
        # Handlers of add_signal_handler are lost between two runs of uvloop; Python's own are not.
        loop.call_soon_threadsafe(stop, number)

    ours = free_signals(starting.handle)
    for number in ours:
        signal.signal(number, handle)
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield Interruption(ours, partial(stop, signal.SIGTERM))
    finally:
        for number in ours:
            if signal.getsignal(number) is handle:
                signal.signal(number, forgive)


def call_at_signals(callbacks: Mapping[str, Callable[[], object]]) -> Callable[[], None]:
    """Call functions in the loop when signals arrive that would otherwise end the process.

    :param callbacks: functions by signal name. A signal that the system lacks or that has a handler is left
        alone.
    :return: a function that restores the signals.
    """
    loop = asyncio.get_running_loop()
    is_main = threading.current_thread() is threading.main_thread()
    ours: dict[signal.Signals, Callable[[], object]] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        # Handlers of add_signal_handler are lost between two runs of uvloop; Python's own are not.
        loop.call_soon_threadsafe(ours[signal.Signals(number)])

    def leave() -> None:
        for number in ours:
            if signal.getsignal(number) is handle:
                signal.signal(number, signal.SIG_DFL)

    for name, callback in callbacks.items():
        number: signal.Signals | None = getattr(signal, name, None)
        if is_main and number is not None and signal.getsignal(number) is signal.SIG_DFL:
            ours[number] = callback
            signal.signal(number, handle)
    return leave


@contextlib.contextmanager
def signals_call(callback: Callable[[], object], forgiven: Iterable[signal.Signals]) -> Iterator[None]:
    """Call ``callback`` in the loop when SIGINT or SIGTERM arrives.

    :param forgiven: signals that are ignored once after the block.
    """
    loop = asyncio.get_running_loop()
    handled = []
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1
        if turns < TURNS_TO_READ:
            loop.call_soon(count)

    def call() -> None:
        if turns >= TURNS_TO_READ:
            callback()

    loop.call_soon(count)
    for number in DEFAULTS:
        # Signals can be handled only in the main thread, and not by every system's loop.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, call)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
        for number in forgiven:
            signal.signal(number, forgive)


def forgive(number: int, frame: FrameType | None) -> None:
    """Ignore one signal: a process that is already ending should exit with status 0."""
    signal.signal(number, DEFAULTS[signal.Signals(number)])
