"""Reload the application: a new generation of workers replaces all current ones."""

import logging
from collections.abc import Callable
from typing import Final

from kyoukai.server.supervisor.process import State
from kyoukai.server.supervisor.slots import Slots

logger: Final = logging.getLogger("kyoukai.server")


class Reload:
    """The reloads of a supervisor, one at a time.

    :param on_over: called at the end of a reload, whether it succeeded or was given up.
    """

    def __init__(self, slots: Slots, on_over: Callable[[], None]) -> None:
        self._slots = slots
        self._on_over = on_over

    def begin(self) -> None:
        """Start a new generation. A generation that is still starting ends first."""
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload", leave=True)
        try:
            for slot in self._slots.opened:
                slot.successor = self._slots.start(slot)
        except OSError as error:
            self.give_up(str(error))

    def check(self) -> None:
        """Let the new generation serve if all its workers are ready."""
        successors = [slot.successor for slot in self._slots.opened]
        if not all(worker is not None and worker.state is State.READY for worker in successors):
            return
        for slot in self._slots.opened:
            slot.cancel_retry()
            slot.promote("reload")
        for slot in self._slots.opened:
            self._slots.settle(slot)
        logger.info("reloaded: %d new workers serve", len(self._slots.opened))
        self._on_over()

    def give_up(self, why: str) -> None:
        """End the new generation and keep the old one."""
        logger.error("the reload failed; the old workers continue to serve: %s", why)
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload failed", leave=True)
        self._on_over()
