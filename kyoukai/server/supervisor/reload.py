"""Loading the application anew: workers of a new generation take the place of all there are."""

import logging
from collections.abc import Callable
from typing import Final

from kyoukai.server.supervisor.process import State
from kyoukai.server.supervisor.slots import Slots

logger: Final = logging.getLogger("kyoukai.server")


class Reload:
    """What is reloaded, as often as it is asked for.

    :param on_over: called when it is over, be it done or given up.
    """

    def __init__(self, slots: Slots, on_over: Callable[[], None]) -> None:
        self._slots = slots
        self._on_over = on_over

    def begin(self) -> None:
        """Start a new generation, in place of one that is about to start."""
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload", leave=True)
        try:
            for slot in self._slots.opened:
                slot.successor = self._slots.start(slot)
        except OSError as error:
            self.give_up(str(error))

    def check(self) -> None:
        """Have the new generation serve if all of it is ready."""
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
        """Have the old generation go on."""
        logger.error("the reload failed, and the workers from before it go on: %s", why)
        for slot in self._slots.opened:
            if slot.successor is not None:
                slot.retire(slot.successor, "reload failed", leave=True)
        self._on_over()
