"""POSIX signals: the first lets requests under way finish, the second stops at once."""

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
"""How often a stop looks whether Asphalt's runner has got to its last run of the loop. A stop of the run
before is forgotten, or fails the start. No clock tells when it gets there, as the process may have been
paused; turns of the loop do. Other runners have no such run."""

LOOK_INTERVAL: Final = 0.01
"""Seconds."""

TURNS_TO_READ: Final = 2
"""Turns of the loop after which asyncio's own has read the signals that came before. The signal that stopped
the loop may not have been read yet: it would be taken for a second one, and cut all answers off."""


class Interruption(NamedTuple):
    """What :func:`interruptible` yields."""

    handled: list[signal.Signals]
    """The signals that stop the loop."""
    stop: Callable[[], None]
    """Stops it like one of them; it is called in the loop."""


@contextlib.contextmanager
def interruptible(ctx: Context) -> Iterator[Interruption]:
    """Let SIGINT and SIGTERM stop the loop between two of its steps.

    Asphalt does so for SIGTERM, when everything has started. Python's own way with SIGINT raises
    KeyboardInterrupt wherever the process happens to be: inside a handler, say, whose answer would
    be lost. Whoever has set a handler already keeps it.

    :param ctx: the context whose end the stop of the loop leads to.
    """
    loop = asyncio.get_running_loop()

    def stop(number: int, looks: int = LOOKS) -> None:
        if ctx.closed:
            return
        if starting.is_under_way:
            # Other components have yet to start.
            starting.handle(number, None)
        elif looks and signal.getsignal(signal.SIGTERM) is before:
            # The runner sets a handler of its own when it gets there.
            loop.call_later(LOOK_INTERVAL, stop, number, looks - 1)
        else:
            loop.stop()

    def handle(number: int, frame: FrameType | None) -> None:
        # uvloop forgets the signals of add_signal_handler between two runs; Python does not.
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
    """Have functions called in the loop when signals come that would end the process.

    :param callbacks: by the names of signals. One that the system has not, or that somebody handles, is left.
    :return: what leaves the signals as they were.
    """
    loop = asyncio.get_running_loop()
    is_main = threading.current_thread() is threading.main_thread()
    ours: dict[signal.Signals, Callable[[], object]] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        # uvloop forgets the signals of add_signal_handler between two runs; Python does not.
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
    """Call ``callback`` in the loop when SIGINT or SIGTERM comes.

    :param forgiven: those of which one more does nothing afterwards.
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
        # Only the main thread has signals, and not every system's loop.
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
    """Do nothing, this once: a process that is ending anyway should end with exit status 0."""
    signal.signal(number, DEFAULTS[signal.Signals(number)])
