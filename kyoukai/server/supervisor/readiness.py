"""Whether a supervisor's workers are ready for clients."""

from kyoukai.server.admin.status import Status
from kyoukai.server.supervisor.phases import Phase
from kyoukai.server.supervisor.slots import Slots


def read_status(slots: Slots, phase: Phase) -> Status:
    """Return how a supervisor is by now.

    :param phase: what it is at.
    """
    return Status(
        phase=phase.value,
        # Whoever asks here still, once it is replaced, is told of the server, which is the other one by now.
        ready=slots.wanted if phase is Phase.REPLACED else slots.ready,
        wanted=slots.wanted,
        needed=1 if slots.were_full else slots.wanted,
        is_leaving=phase is Phase.DRAINING,
    )
