"""The supervisor: its loop has signals, ends of processes and messages come in, and keeps the slots filled.

It imports no application, and so what an application does can neither hold it up nor make it large. A worker
is started by the same command line as the supervisor, and loads the application anew.
"""

import asyncio
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kyoukai.server.admin.status import Status
from kyoukai.server.log_files import reopen_log_files
from kyoukai.server.metrics.book import Book
from kyoukai.server.startup_log import announce
from kyoukai.server.supervisor.decisions import describe_end, exit_status
from kyoukai.server.supervisor.outside import Outside
from kyoukai.server.supervisor.phases import Action, Phase, table
from kyoukai.server.supervisor.process import Command, State, WorkerProcess, reap_orphans
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.slot import ORPHANED_AFTER, Slot
from kyoukai.server.supervisor.slots import Slots
from kyoukai.server.supervisor.sockets import SlotSockets
from kyoukai.server.supervisor.watch import Watch

logger: Final = logging.getLogger("kyoukai.server")


class Supervisor:
    """Keeps workers behind sockets.

    :param settings: how many, and when one is replaced.
    :param sockets: what they accept from; open.
    :param command: what a worker is started by.
    :param book: what keeps the counts of workers; ``None``: they count nothing.
    :param outside: who is told how it is.
    """

    def __init__(
        self,
        settings: Supervision,
        sockets: SlotSockets,
        command: Command,
        book: Book | None = None,
        outside: Outside | None = None,
    ) -> None:
        self.settings = settings
        self._outside = outside or Outside()
        self.phase = Phase.STARTING
        self._delay: asyncio.TimerHandle | None = None
        self.ends: Counter[str] = Counter()
        """How many workers have ended, by the reason."""
        self._sockets = sockets
        self._slots = Slots(settings, sockets, command, self._ready, book)
        self._book = book
        self.queued = self._slots.queued
        self._was_full = False
        self._later: list[Action] = []
        self._ended = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Serve until told to stop, and return the status to exit with."""
        loop = asyncio.get_running_loop()
        for number, row in table().items():
            loop.add_signal_handler(number, self._take_signal, number, row)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        try:
            watch = Watch(self.settings, self._slots, lambda: self.phase is Phase.SERVING)
            self._slots.open()
            watch.begin()
            self._outside.begin(lambda: self.status)
            await self._ended.wait()
        finally:
            for number in (*table(), signal.SIGCHLD):
                loop.remove_signal_handler(number)
            self._sockets.close()
            self._outside.end()
        return self._status

    @property
    def status(self) -> Status:
        """How it is by now."""
        ready = sum(slot.is_serving for slot in self._slots.opened)
        wanted = max(len(self._slots.opened), self.settings.workers if self.phase is Phase.STARTING else 1)
        self._was_full = self._was_full or ready >= wanted
        return Status(
            phase=self.phase.value,
            ready=ready,
            wanted=wanted,
            needed=1 if self._was_full else wanted,
            is_leaving=self.phase not in (Phase.STARTING, Phase.SERVING, Phase.RELOADING),
        )

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._outside.enter(phase)

    # Signals.

    def take_change(self, paths: Sequence[str]) -> None:
        """Load the application anew, of which files have changed: it is as if SIGHUP came."""
        self._take(f"a change of {', '.join(paths)}", table()[signal.SIGHUP])

    def _take_signal(self, number: signal.Signals, row: Mapping[Phase, Action]) -> None:
        self._take(number.name, row)

    def _take(self, what: str, row: Mapping[Phase, Action]) -> None:
        action = row[self.phase]
        logger.info("%s came while %s: %s", what, self.phase.value, action.value)
        if action is Action.LATER:
            self._later.append(row[Phase.SERVING])
        else:
            self._do(action)

    def _do(self, action: Action) -> None:
        actions: dict[Action, Callable[[], None]] = {
            Action.STOP: self.stop,
            Action.ABORT: self.abort,
            Action.RELOAD: self.reload,
            Action.RELOAD_ANEW: self.reload,
            Action.REOPEN: self.reopen,
            Action.GROW: self.grow,
            Action.SHRINK: self.shrink,
        }
        if action in actions:
            actions[action]()

    def stop(self) -> None:
        """Have all workers finish what is under way, and end, after ``shutdown_delay``."""
        self._enter(Phase.DRAINING)
        delay = self.settings.shutdown_delay
        if delay:
            # Whoever sends clients here has to learn first that none are wanted.
            logger.info("connections are accepted for another %g s, of shutdown_delay", delay)
        self._delay = asyncio.get_running_loop().call_later(delay, self._drain)

    def _drain(self) -> None:
        # Nobody can connect by a file that is gone, so that whoever did is served.
        self._sockets.remove()
        for slot in self._slots.all:
            slot.cancel_retry()
            for worker in slot.workers:
                slot.retire(worker, "stop", leave=False)
        self._check_ended()

    def abort(self) -> None:
        """Have all workers end at once."""
        if self._delay is not None:
            self._delay.cancel()
        for slot in self._slots.all:
            for worker in slot.workers:
                worker.abort()

    def reload(self) -> None:
        """Start workers of a new generation; when all are ready, the old ones end."""
        self._enter(Phase.RELOADING)
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload", leave=True)
        try:
            for slot in self._slots.opened:
                slot.successor = self._slots.start(slot)
        except OSError as error:
            self._give_up_reload(str(error))

    def reopen(self) -> None:
        """Open log files anew."""
        reopen_log_files()
        for slot in self._slots.all:
            for worker in slot.workers:
                worker.reopen()

    def grow(self) -> None:
        """Have one worker more."""
        self._slots.open()

    def shrink(self) -> None:
        """Have one worker fewer, but never none."""
        self._slots.close_last()

    # Starts.

    def _ready(self, slot: Slot, worker: WorkerProcess) -> None:
        took = time.monotonic() - worker.began
        logger.info("%s is ready after %.1f s", worker.name, took)
        if worker is slot.current:
            worker.serve()
        elif worker is slot.successor:
            if self.phase is Phase.RELOADING:
                self._check_reload()
                return
            slot.promote(slot.recycled)
        else:
            return
        self._slots.settle(slot)
        if self.phase is Phase.STARTING:
            self._first_ready(worker)

    def _first_ready(self, worker: WorkerProcess) -> None:
        by = f" by {self.settings.workers} {'workers' if self.settings.workers > 1 else 'worker'}"
        announce(worker.values["urls"], worker.values["backend"], worker.values["loop"], by)
        self._enter(Phase.SERVING)
        for _ in range(1, self.settings.workers):
            self._slots.open()
        self._do_later()

    # Reloading.

    def _check_reload(self) -> None:
        waiting = [
            slot
            for slot in self._slots.opened
            if slot.successor is None or slot.successor.state is not State.READY
        ]
        if waiting:
            return
        for slot in self._slots.opened:
            slot.cancel_retry()
            slot.promote("reload")
        for slot in self._slots.opened:
            self._slots.settle(slot)
        logger.info("reloaded: %d new workers serve", len(self._slots.opened))
        self._enter(Phase.SERVING)
        self._do_later()

    def _give_up_reload(self, why: str) -> None:
        logger.error("the reload failed, and the workers from before it go on: %s", why)
        self._enter(Phase.SERVING)
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload failed", leave=True)
        self._do_later()

    def _do_later(self) -> None:
        while self._later and self.phase is Phase.SERVING:
            self._do(self._later.pop(0))

    # Ends.

    def _reap(self) -> None:
        for slot in self._slots.all:
            for worker in slot.workers:
                status = worker.poll()
                if status is not None:
                    self._lost(slot, worker, status)
        if os.getpid() == 1:
            reap_orphans()
        self._check_ended()

    def _lost(self, slot: Slot, worker: WorkerProcess, status: int) -> None:
        was_current, was_successor = worker is slot.current, worker is slot.successor
        slot.forget(worker)
        if self._book is not None and worker.region is not None:
            self._book.close(worker.region)
        how = describe_end(status)
        self.ends[worker.reason or "crashed"] += 1
        if worker.reason:
            logger.info("%s has ended (%s): %s", worker.name, worker.reason, how)
        if self.phase is Phase.STARTING:
            if status <= 0:
                # It has said nothing itself.
                logger.error("%s ended before it was ready: %s", worker.name, how)
            self._status = exit_status(status) or 1
            self._enter(Phase.DRAINING)
        elif was_successor:
            if self.phase is Phase.RELOADING:
                self._give_up_reload(f"{worker.name} ended before it was ready: {how}")
            else:
                delay = slot.backoff.delay(None)
                slot.rest_until = time.monotonic() + delay
                logger.error(
                    "%s, a successor, ended before it was ready: %s; the next follows in %g s",
                    worker.name,
                    how,
                    delay,
                )
        elif was_current and self.phase is not Phase.DRAINING:
            self._replace_dead(slot, worker, how)

    def _replace_dead(self, slot: Slot, worker: WorkerProcess, how: str) -> None:
        served = time.monotonic() - worker.began if worker.served else None
        delay = slot.backoff.delay(served)
        follows = f"another follows in {delay:g} s" if delay else "another follows"
        if worker.reason:
            logger.info("%s: %s", slot.name, follows)
        else:
            logger.error("%s ended unasked: %s; %s", worker.name, how, follows)
        if delay > ORPHANED_AFTER:
            self._slots.orphan(slot)
        slot.retry = asyncio.get_running_loop().call_later(delay, self._slots.fill, slot)

    def _check_ended(self) -> None:
        if self.phase is Phase.DRAINING and not any(slot.workers for slot in self._slots.all):
            self._ended.set()
