"""Signals during a start: what was begun is ended, in reverse, and then the process ends by the signal.

Without this, SIGINT raises KeyboardInterrupt wherever the start happens to be, and SIGTERM ends the process
with nothing cleaned up. The first process of a container does not get a SIGTERM that it has no handler for.
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
"""The signals that stop a server, and what Python does with them by itself."""


def free_signals(*ours: Any) -> list[signal.Signals]:
    """Return which of these signals nobody handles; none outside of the main thread, which alone has any.

    :param ours: handlers of our own, which may be replaced.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number, default in DEFAULTS.items() if signal.getsignal(number) in (default, *ours)]


class StartInterruptedError(KyoukaiError, RuntimeError):
    """A signal came before the start was over."""


class Interrupted(KeyboardInterrupt):
    """A signal came before there was a start to be cancelled, such as while the application was imported."""


class Starting:
    """What SIGINT and SIGTERM do until the server serves: one ends the start, a second one the process."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The signal that came, if one did."""
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[Any] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a start is guarded."""
        return self._task is not None

    @property
    def reason(self) -> str:
        """What the log says of a start that a signal ended."""
        return f"{self.signal.name if self.signal else 'no signal'} came before the start was over"

    @contextlib.contextmanager
    def handling(self) -> Iterator[None]:
        """Handle both signals while the block runs. A handler of somebody else's stays."""
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
        """Cancel the start, or raise :class:`Interrupted` where none has begun; a second time, end all."""
        if self.signal is not None:
            end_by(signal.Signals(number))
        self.signal = signal.Signals(number)
        if self._task is None:
            raise Interrupted
        self._loop.call_soon_threadsafe(self._task.cancel, self.reason)

    async def guard(self, start: Coroutine[Any, Any, T]) -> T:
        """Await a start, which a signal cancels.

        :raises StartInterruptedError: if it has ended by that.
        """
        if self._task is not None:
            return await start  # It is within a start that is guarded.
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
        """Look whether a signal came that the start has gone on after all the same.

        :raises StartInterruptedError: if so.
        """
        if self.signal is not None:
            with contextlib.suppress(asyncio.CancelledError):
                # A cancellation that is still to come, comes here: what ends the start must not meet it.
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
    """Have the process exit as one does that a signal ended, where one came before the start was over.

    :raises SystemExit: with 128 and the number of the signal, as a shell has it.
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
            # uvloop cannot be closed where the signal came just as it began to run.
            if starting.signal is None or not _comes_of_signal(exc):
                raise
            logger.error("%s", starting.reason)
    if starting.signal is not None:
        raise SystemExit(128 + starting.signal)


def _comes_of_signal(exc: BaseException | None) -> bool:
    """Return whether an exception was raised while :class:`Interrupted` was on its way out."""
    while exc is not None and not isinstance(exc, Interrupted):
        exc = exc.__context__
    return exc is not None


@contextlib.contextmanager
def ending_by_signal() -> Iterator[None]:
    """Have the process of a command end by the signal that ended its start: whoever waits for it sees so.

    What an application has registered with :mod:`atexit` is called before.
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
    """End this process at once, by a signal.

    The first process of a container cannot be ended so, and exits with the same status.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
