"""Signals during a start: what has started stops in reverse order, then the signal ends the process.

Without this module, SIGINT would raise KeyboardInterrupt anywhere in the start, and SIGTERM would end the
process without cleanup. In a container, process 1 would not receive a SIGTERM that it has no handler for.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from kyoukai.core.errors import KyoukaiError

T = TypeVar("T")

logger: Final = logging.getLogger("kyoukai.server")

DEFAULTS: Final[dict[signal.Signals, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""The signals that stop a server, with Python's default handlers."""


def free_signals(*ours: Any) -> list[signal.Signals]:
    """Return which of these signals have no handler.

    Outside the main thread, which alone handles signals, the result is empty.

    :param ours: our own handlers, which may be replaced.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number, default in DEFAULTS.items() if signal.getsignal(number) in (default, *ours)]


class StartInterruptedError(KyoukaiError, RuntimeError):
    """A signal arrived before the start was complete."""


class Interrupted(KeyboardInterrupt):
    """A signal arrived before there was a start to cancel, for example during the application's import."""


class Starting:
    """Handles SIGINT and SIGTERM until the server serves: one ends the start, a second one the process."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The signal that arrived, if any."""
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a start is in progress under :meth:`guard`."""
        return self._task is not None

    @property
    def reason(self) -> str:
        """The log message for a start that a signal ended."""
        return f"{self.signal.name if self.signal else 'no signal'} came before the start was over"

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle both signals while the block runs. A handler set by others stays."""
        ours = free_signals()
        if ours:
            self.signal = None
        for number in ours:
            signal.signal(number, self.handle)
        try:
            yield
        finally:
            for number in ours:
                if signal.getsignal(number) == self.handle:
                    signal.signal(number, DEFAULTS[number])

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Cancel the start, or raise :class:`Interrupted` if none has begun.

        On a second signal, end the process at once.
        """
        if self.signal is not None:
            end_by(signal.Signals(number))
        self.signal = signal.Signals(number)
        if self._task is None:
            raise Interrupted
        self._loop.call_soon_threadsafe(self._task.cancel, self.reason)

    async def guard(self, start: Coroutine[Any, Any, T]) -> T:
        """Await a start that a signal may cancel.

        :raises StartInterruptedError: if a signal ended the start.
        """
        if self._task is not None:
            return await start  # Part of a start that is already guarded.
        with self.handling():
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            try:
                return await start
            except (Exception, asyncio.CancelledError) as exc:
                if self.signal is None:
                    raise
                raise self._interruption() from exc
            finally:
                self._task = None

    async def check(self) -> None:
        """Check for a signal that arrived although the start ran to its end.

        :raises StartInterruptedError: if there was one.
        """
        if self.signal is not None:
            with contextlib.suppress(asyncio.CancelledError):
                # Receive a pending cancellation here. It must not hit the cleanup.
                await asyncio.sleep(0)
            raise self._interruption()

    def _interruption(self) -> StartInterruptedError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        return StartInterruptedError(self.reason)


starting: Final = Starting()
"""The start of this process."""


@contextlib.contextmanager
def exiting_by_signal() -> Iterator[None]:
    """Exit with a signal's status if a signal arrived before the start was complete.

    :raises SystemExit: with 128 plus the number of the signal, as a shell reports it.
    """
    with starting.handling():
        try:
            yield
        except Interrupted:
            if starting.signal is None:
                raise
            logger.error("%s", starting.reason)
        except SystemExit:
            if starting.signal is None:
                raise
        except Exception as exc:
            # uvloop cannot be closed if the signal arrived just as it began to run.
            if starting.signal is None or not _comes_of_signal(exc):
                raise
            logger.error("%s", starting.reason)
    if starting.signal is not None:
        raise SystemExit(128 + starting.signal)


def _comes_of_signal(exc: BaseException | None) -> bool:
    """Return whether an exception was raised while :class:`Interrupted` was being handled."""
    while exc is not None and not isinstance(exc, Interrupted):
        exc = exc.__context__
    return exc is not None


@contextlib.contextmanager
def ending_by_signal() -> Iterator[None]:
    """End a command's process by the signal that ended its start, so that its parent sees the signal.

    Functions registered with :mod:`atexit` run first.
    """
    atexit.register(_end_at_exit)
    try:
        with exiting_by_signal():
            yield
    finally:
        if starting.signal is None:
            atexit.unregister(_end_at_exit)


def _end_at_exit() -> None:
    if starting.signal is not None:
        logging.shutdown()
        end_by(starting.signal)


def end_by(number: signal.Signals) -> NoReturn:
    """End this process at once by a signal.

    Process 1 of a container cannot end by a signal; it exits with the equivalent status.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
