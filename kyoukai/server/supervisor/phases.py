"""The effect of each signal in each phase of a supervisor, as a table that the documentation shows too."""

import enum
import signal
from collections.abc import Mapping
from typing import Final


class Phase(enum.Enum):
    """The phase of a supervisor."""

    STARTING = "starting"
    """The first worker has not started yet."""
    SERVING = "serving"
    RELOADING = "reloading"
    """Workers of a new generation start. The old ones serve."""
    UPGRADING = "upgrading"
    """A new supervisor starts. This one serves."""
    REPLACED = "replaced"
    """The new supervisor serves. This one finishes its requests and ends."""
    DRAINING = "draining"
    """The supervisor finishes its requests and ends."""


class Action(enum.Enum):
    """The effect of a signal. The value is its description."""

    STOP = "stop: workers finish their requests and end; exit status 0"
    ABORT = "stop at once: requests in progress are cut off; exit status 0"
    RELOAD = "reload: new workers load the application again; when all are ready, the old ones finish and end"
    RELOAD_ANEW = "restart the reload: the new workers end, and others replace them"
    UPGRADE = "upgrade: a new supervisor starts; when it is ready, this one finishes and ends"
    STOP_BOTH = "stop, and stop the new supervisor too; exit status 0"
    LATER = "waits for the end of the start or reload, then as while serving"
    PASSED_ON = "waits for the end of the upgrade, then as while serving, in the supervisor that serves"
    REOPEN = "reopen log files, in the supervisor and all workers"
    GROW = "one worker more"
    SHRINK = "one worker fewer, down to one; the others serve the connections in its queue"
    NOTHING = "nothing except a log line"


STOPPING: Final = dict.fromkeys(Phase, Action.STOP) | {
    Phase.UPGRADING: Action.STOP_BOTH,
    Phase.DRAINING: Action.ABORT,
}

# Signals that need all workers wait until all have started. A supervisor that ends starts nothing.
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
"""The effect of each signal in each phase."""


def table() -> Mapping[signal.Signals, Mapping[Phase, Action]]:
    """Return :data:`TABLE` by signal number, for the signals of this system."""
    return {getattr(signal, name): row for name, row in TABLE.items() if hasattr(signal, name)}
