"""Check the workers: kill a hung one, and replace one that has reached a limit."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from kyoukai.server.supervisor.decisions import Lateness
from kyoukai.server.supervisor.process import State, WorkerProcess
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.slot import Slot
from kyoukai.server.supervisor.slots import Slots

logger: Final = logging.getLogger("kyoukai.server")

LOOKS: Final = 5
"""Number of checks within ``worker_timeout``."""


SILENT: Final = 2.0
"""Seconds without a turn of a worker's loop after which the other workers also accept its connections."""


class Watch:
    """Checks the workers that serve.

    :param may_recycle: returns whether a successor may be started at all.
    """

    def __init__(self, settings: Supervision, slots: Slots, may_recycle: Callable[[], bool]) -> None:
        self._timeout = settings.worker_timeout
        self._interval = min(1.0, self._timeout / LOOKS) if self._timeout else 1.0
        self._slots = slots
        self._may_recycle = may_recycle
        self._lateness = Lateness(self._interval, time.monotonic())

    def begin(self) -> None:
        """Check now, and repeatedly while the loop runs."""
        now = time.monotonic()
        late = self._lateness.look(now)
        for slot in self._slots.opened:
            worker = slot.current
            if worker is None or worker.state is not State.SERVING or worker.reason:
                continue
            worker.read()
            # A message read just now is not late.
            worker.heard = min(worker.heard + late, time.monotonic())
            self._help(slot, now - worker.heard)
            if not self._end_if_hung(worker, now):
                self._recycle(slot, worker, now)
        asyncio.get_running_loop().call_later(self._interval, self.begin)

    def _help(self, slot: Slot, silence: float) -> None:
        """Let the other workers accept the connections of a worker while it is silent."""
        if silence > SILENT:
            self._slots.orphan(slot)
        elif slot.is_orphaned:
            self._slots.settle(slot)

    def _end_if_hung(self, worker: WorkerProcess, now: float) -> bool:
        silence = now - worker.heard
        if not self._timeout or silence <= self._timeout:
            return False
        worker.reason = "hung"
        logger.error(
            "%s hangs: its loop has not gone round for %.1f s, of worker_timeout %g; it is ended, and its "
            "stacks follow if it can still write them",
            worker.name,
            silence,
            self._timeout,
        )
        worker.kill(with_stacks=True)
        return True

    def _recycle(self, slot: Slot, worker: WorkerProcess, now: float) -> None:
        """Start a successor for a worker that has reached a limit; only one successor at a time."""
        if now < slot.rest_until or not self._may_recycle():
            return
        if any(other.successor is not None for other in self._slots.opened):
            return
        reason = worker.recycling.reason(worker.requests, now - worker.began, worker.memory)
        if reason is None:
            return
        slot.recycled, why = reason
        logger.info("%s gets a successor: %s", worker.name, why)
        try:
            slot.successor = self._slots.start(slot)
        except OSError as error:
            slot.rest_until = now + slot.backoff.delay(None)
            logger.error("a successor of %s cannot be started: %s", worker.name, error.strerror)
