"""Whether a supervisor's workers are ready for clients."""

from kyoukai.server.admin.status import Status
from kyoukai.server.supervisor.phases import Phase
from kyoukai.server.supervisor.slots import Slots


def read_status(slots: Slots, phase: Phase) -> Status:
    """Return a supervisor's current status.

    :param phase: its phase.
    """
    return Status(
        phase=phase.value,
        # A client that still asks a replaced supervisor gets the state of the server, which is the new
        # supervisor.
        ready=slots.wanted if phase is Phase.REPLACED else slots.ready,
        wanted=slots.wanted,
        needed=1 if slots.were_full else slots.wanted,
        is_leaving=phase is Phase.DRAINING,
    )
