"""The supervisor: it handles signals, ends of processes and workers' messages, and keeps the slots filled.

It does not import the application, so the application can neither block it nor make it large. Each worker is
started by the supervisor's own command line, and loads the application afresh.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

from kyoukai.server.admin.status import Status
from kyoukai.server.log_files import reopen_log_files
from kyoukai.server.startup_log import announce
from kyoukai.server.supervisor.channel import Message
from kyoukai.server.supervisor.decisions import describe_end, exit_status
from kyoukai.server.supervisor.outside import Outside
from kyoukai.server.supervisor.phases import TABLE, Action, Phase, table
from kyoukai.server.supervisor.predecessor import Predecessor
from kyoukai.server.supervisor.process import WorkerProcess, reap_orphans
from kyoukai.server.supervisor.readiness import read_status
from kyoukai.server.supervisor.reload import Reload
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.slot import Slot
from kyoukai.server.supervisor.slots import Slots
from kyoukai.server.supervisor.sockets import SlotSockets
from kyoukai.server.supervisor.takeover import Takeover
from kyoukai.server.supervisor.tally import Tally
from kyoukai.server.supervisor.upgrade import Successor, Upgrades
from kyoukai.server.supervisor.watch import Watch
from kyoukai.server.supervisor.worker import HELD

logger: Final = logging.getLogger("kyoukai.server")


class Supervisor:
    """Runs workers that share sockets.

    :param settings: number of workers, and the limits after which one is replaced.
    :param sockets: the workers' sockets; open when :meth:`run` is called.
    :param upgrades: starts a new supervisor.
    :param tally: keeps the counts of workers.
    :param outside: reports to the service manager and maintains the PID file.
    """

    def __init__(
        self,
        settings: Supervision,
        sockets: SlotSockets,
        upgrades: Upgrades,
        tally: Tally,
        outside: Outside,
    ) -> None:
        self.settings = settings
        self.phase = Phase.STARTING
        self.watchers: list[Callable[[Phase], object]] = [outside.enter]
        """Callables that receive each new phase."""
        self.takeover: Takeover | None = None
        """The takeover from an old supervisor; ``None``: this one started afresh."""
        self.tally = tally
        self.upgrades = upgrades
        self._outside = outside
        self._delay: asyncio.TimerHandle | None = None
        self._sockets = sockets
        self.slots = Slots(settings, sockets, upgrades.command, self._ready, tally.book)
        self._reload = Reload(self.slots, self._resume)
        self._later: list[str] = []
        self._ended = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Serve until told to stop, and return the exit status."""
        loop = asyncio.get_running_loop()
        for number in table():
            loop.add_signal_handler(number, self._take, number.name)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        try:
            if self.takeover is not None:
                # The signals were blocked until handlers were installed.
                signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
                self.takeover.before.begin(self._take_message)
            watch = Watch(self.settings, self.slots, lambda: self.phase is Phase.SERVING)
            self.slots.open()
            watch.begin()
            self._outside.begin(lambda: self.status)
            await self._ended.wait()
        finally:
            for number in (*table(), signal.SIGCHLD):
                loop.remove_signal_handler(number)
            self._sockets.close()
            self._outside.end()
        return self._status

    def succeed(self, before: Predecessor) -> None:
        """Prepare to replace an old supervisor. Call this before :meth:`run`."""
        self.takeover = Takeover(
            before, self.slots, self._sockets, self.tally, self._begin_serving, self._check_ended
        )

    @property
    def status(self) -> Status:
        """The current status."""
        return read_status(self.slots, self.phase)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        for watcher in self.watchers:
            watcher(phase)

    # Signals.

    def take_change(self, paths: Sequence[str]) -> None:
        """Reload because files of the application changed; this works like SIGHUP."""
        self._take("SIGHUP", f"a change of {', '.join(paths)}")

    def _take(self, name: str, what: str = "") -> None:
        action = TABLE[name][self.phase]
        logger.info("%s came while %s: %s", what or name, self.phase.value, action.value)
        if action in (Action.LATER, Action.PASSED_ON):
            self._later.append(name)
        else:
            self._do(action)

    def _do(self, action: Action) -> None:
        actions: dict[Action, Callable[[], None]] = {
            Action.STOP: self.stop,
            Action.STOP_BOTH: self.stop,
            Action.ABORT: self.abort,
            Action.RELOAD: self.reload,
            Action.RELOAD_ANEW: self.reload,
            Action.UPGRADE: self.upgrade,
            Action.REOPEN: self.reopen,
            Action.GROW: self.slots.open,
            Action.SHRINK: self.slots.close_last,
        }
        if action in actions:
            actions[action]()

    def stop(self) -> None:
        """Wait for ``shutdown_delay``; then let all workers finish their requests and end."""
        # If another supervisor serves, load balancers already send clients to that one.
        is_beside = self.phase is Phase.REPLACED or (
            self.takeover is not None and self.takeover.before.serves
        )
        delay = 0.0 if is_beside else self.settings.shutdown_delay
        self.upgrades.end()
        self._enter(Phase.DRAINING)
        if delay:
            # Load balancers must first learn from /readyz to send no more clients.
            logger.info("shutdown_delay: connections are accepted for another %g s", delay)
        self._delay = asyncio.get_running_loop().call_later(delay, self._drain)

    def _drain(self) -> None:
        # Remove the files of Unix sockets first, so that nobody can connect any more. Then the workers accept
        # all waiting connections and close the sockets, and later clients are refused.
        self._sockets.close()
        self.slots.retire_all("stop", leave=False)
        self._check_ended()

    def abort(self) -> None:
        """End all workers at once."""
        if self._delay is not None:
            self._delay.cancel()
        for worker in self.slots.workers:
            worker.abort()
        self.upgrades.kill()

    def reload(self) -> None:
        """Start a new generation of workers; when all are ready, the old ones finish and end."""
        self._enter(Phase.RELOADING)
        self._reload.begin()

    def reopen(self) -> None:
        """Reopen the log files."""
        reopen_log_files()
        for worker in self.slots.workers:
            worker.reopen()
        self.upgrades.pass_on(signal.SIGUSR1)

    # Upgrades, with this supervisor as the old one or the new one.

    def upgrade(self) -> None:
        """Start a new supervisor; when it is ready, this one finishes and ends."""
        if self.upgrades.begin(self.settings, self._sockets.columns, self._hand_over):
            self._enter(Phase.UPGRADING)

    def _hand_over(self, successor: Successor) -> bool:
        if self.phase is not Phase.UPGRADING:
            return True
        if not self._outside.hand_over(successor.pid, successor.path):
            return False
        logger.info("upgraded: the new supervisor (pid %d) serves, and this one finishes", successor.pid)
        gone = self._sockets.leave(successor.kept)
        self._enter(Phase.REPLACED)
        successor.hand_over(self.tally, self._later)
        self.slots.retire_all("upgrade", leave=True, gone=gone)
        self._check_ended()
        return True

    def _take_message(self, message: Message | None) -> None:
        if self.takeover is not None:
            for name in self.takeover.take(message, is_wanted=self.phase is Phase.STARTING):
                self._take(name)

    def _begin_serving(self) -> None:
        worker = next((slot.current for slot in self.slots.opened if slot.is_serving), None)
        if self.phase is Phase.STARTING and worker is not None:
            self._first_ready(worker)

    # Starts.

    def _ready(self, slot: Slot, worker: WorkerProcess) -> None:
        took = time.monotonic() - worker.began
        logger.info("%s is ready after %.1f s", worker.name, took)
        if worker is slot.current:
            if self.takeover is not None and self.takeover.before.serves:
                self.takeover.check(self.settings.workers, self._outside.path)
                return
            worker.serve()
        elif worker is slot.successor:
            if self.phase is Phase.RELOADING:
                self._reload.check()
                return
            slot.promote(slot.recycled)
        else:
            return
        self.slots.settle(slot)
        if self.phase is Phase.STARTING:
            self._first_ready(worker)

    def _first_ready(self, worker: WorkerProcess) -> None:
        by = f" by {self.settings.workers} {'workers' if self.settings.workers > 1 else 'worker'}"
        announce(worker.values, by)
        self._enter(Phase.SERVING)
        for _ in range(len(self.slots.opened), self.settings.workers):
            self.slots.open()
        self._do_later()

    def _resume(self) -> None:
        self._enter(Phase.SERVING)
        self._do_later()

    def _do_later(self) -> None:
        while self._later and self.phase is Phase.SERVING:
            self._do(TABLE[self._later.pop(0)][Phase.SERVING])

    # Ends.

    def _reap(self) -> None:
        for slot in self.slots.all:
            for worker in slot.workers:
                status = worker.poll()
                if status is not None:
                    self._lost(slot, worker, status)
        if self.upgrades.poll() and self.phase is Phase.UPGRADING:
            self._resume()
        self.upgrades.tell_ends(self.tally)
        if os.getpid() == 1:
            reap_orphans()
        self._check_ended()

    def _lost(self, slot: Slot, worker: WorkerProcess, status: int) -> None:
        was_current, was_successor = worker is slot.current, worker is slot.successor
        slot.forget(worker)
        how = describe_end(status)
        self.tally.end(worker.reason or "crashed", worker.region)
        if worker.reason:
            logger.info("%s has ended (%s): %s", worker.name, worker.reason, how)
        if self.phase is Phase.STARTING and not (self.takeover is not None and self.takeover.is_asked):
            self._fail_start(worker, status, how)
        elif was_successor:
            if self.phase is Phase.RELOADING:
                self._reload.give_up(f"{worker.name} ended before it was ready: {how}")
            else:
                self.slots.rest(slot, worker, how)
        elif was_current and self.phase not in (Phase.DRAINING, Phase.REPLACED):
            self.slots.replace_dead(slot, worker, how)

    def _fail_start(self, worker: WorkerProcess, status: int, how: str) -> None:
        why = f"{worker.name} ended before it was ready: {how}"
        if self.takeover is not None:
            self.takeover.before.report_failure(why)
        elif status <= 0:
            # A worker ended by a signal has logged nothing itself.
            logger.error("%s", why)
        self._status = exit_status(status) or 1
        self._enter(Phase.DRAINING)
        self.slots.retire_all("stop", leave=True)

    def _check_ended(self) -> None:
        if self.phase not in (Phase.REPLACED, Phase.DRAINING) or self.slots.workers:
            return
        is_last = self.takeover is None or self.takeover.before.has_ended
        # Wait for the final counts of the supervisor before this one: the new supervisor must receive them.
        if not self.upgrades.is_under_way and (is_last or self.phase is Phase.DRAINING):
            self.upgrades.finish(self.tally, is_last=is_last)
            self._ended.set()
