"""What each signal does in each phase of a supervisor: a table, which the documentation shows too."""

import enum
import signal
from collections.abc import Mapping
from typing import Final


class Phase(enum.Enum):
    """What a supervisor is at."""

    STARTING = "starting"
    """The first worker has not started yet."""
    SERVING = "serving"
    RELOADING = "reloading"
    """Workers of a new generation start, and the old serve."""
    UPGRADING = "upgrading"
    """A new supervisor starts, and this one serves."""
    REPLACED = "replaced"
    """The new supervisor serves. This one ends, and requests under way are finished."""
    DRAINING = "draining"
    """It ends, and requests under way are finished."""


class Action(enum.Enum):
    """What a signal can do; the value says so."""

    STOP = "stop: workers finish what is under way and end; exit status 0"
    ABORT = "stop at once: what is under way is cut off; exit status 0"
    RELOAD = "reload: new workers load the application anew; when all are ready, the old ones finish and end"
    RELOAD_ANEW = "reload anew: the new workers are ended, and others take their place"
    UPGRADE = "upgrade: a new supervisor starts; when it is ready, this one finishes and ends"
    STOP_BOTH = "stop, and the new supervisor too; exit status 0"
    LATER = "as while serving, when the start or the reload is over"
    PASSED_ON = "as while serving, when the upgrade is over, by whom serves then"
    REOPEN = "open log files anew, here and in all workers"
    GROW = "one worker more"
    SHRINK = "one worker fewer, but never none; others serve who waits for it"
    NOTHING = "nothing, but a line in the log"


STOPPING: Final = dict.fromkeys(Phase, Action.STOP) | {
    Phase.UPGRADING: Action.STOP_BOTH,
    Phase.DRAINING: Action.ABORT,
}

# What needs all workers waits until there are all; who ends begins nothing more.
WAITING: Final = {
    Phase.STARTING: Action.LATER,
    Phase.RELOADING: Action.LATER,
    Phase.UPGRADING: Action.PASSED_ON,
    Phase.REPLACED: Action.NOTHING,
    Phase.DRAINING: Action.NOTHING,
}

TABLE: Final[Mapping[str, Mapping[Phase, Action]]] = {
    "SIGTERM": STOPPING,
    "SIGINT": STOPPING,
    "SIGQUIT": STOPPING,
    "SIGHUP": WAITING | {Phase.SERVING: Action.RELOAD, Phase.RELOADING: Action.RELOAD_ANEW},
    "SIGUSR1": dict.fromkeys(Phase, Action.REOPEN),
    "SIGUSR2": WAITING | {Phase.SERVING: Action.UPGRADE, Phase.UPGRADING: Action.NOTHING},
    "SIGTTIN": WAITING | {Phase.SERVING: Action.GROW},
    "SIGTTOU": WAITING | {Phase.SERVING: Action.SHRINK},
}
"""What each signal does in each phase."""


def table() -> Mapping[signal.Signals, Mapping[Phase, Action]]:
    """Return :data:`TABLE` by signals: those that this system has."""
    return {getattr(signal, name): row for name, row in TABLE.items() if hasattr(signal, name)}
