"""Whether a supervisor's workers are ready for clients."""

from typing import Final

from kyoukai.server.admin.status import Status
from kyoukai.server.supervisor.phases import Phase
from kyoukai.server.supervisor.slots import Slots


class Readiness:
    """Reads how a supervisor is.

    :param workers: how many there are to be at first.
    """

    def __init__(self, slots: Slots, workers: int) -> None:
        self._slots: Final = slots
        self._workers: Final = workers
        self._was_full = False

    def read(self, phase: Phase) -> Status:
        """Return how it is by now.

        :param phase: what it is at.
        """
        ready = sum(slot.is_serving for slot in self._slots.opened)
        wanted = max(len(self._slots.opened), self._workers if phase is Phase.STARTING else 1)
        if phase is Phase.REPLACED:
            # Whoever asks here still is told of the server, which is the other one by now.
            ready = wanted
        self._was_full = self._was_full or ready >= wanted
        return Status(
            phase=phase.value,
            ready=ready,
            wanted=wanted,
            needed=1 if self._was_full else wanted,
            is_leaving=phase is Phase.DRAINING,
        )
