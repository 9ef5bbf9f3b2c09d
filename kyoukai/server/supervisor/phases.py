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
    DRAINING = "draining"
    """It ends, and requests under way are finished."""


class Action(enum.Enum):
    """What a signal can do; the value says so."""

    STOP = "workers finish what is under way and end; then the supervisor exits with status 0"
    ABORT = "what is under way is cut off; the supervisor exits with status 0"
    RELOAD = "new workers load the application anew; when all are ready, the old ones finish and end"
    RELOAD_ANEW = "the new workers that start are ended, and others take their place"
    LATER = "it is done when the start or the reload is over"
    REOPEN = "log files are opened anew, here and in all workers"
    GROW = "one worker more"
    SHRINK = "one worker fewer, but never none; others serve who waits for it"
    NOTHING = "nothing, but for a line in the log"


STOPPING: Final = {signal.SIGTERM, signal.SIGINT} | (
    {signal.SIGQUIT} if hasattr(signal, "SIGQUIT") else set[signal.Signals]()
)


def table() -> Mapping[signal.Signals, Mapping[Phase, Action]]:
    """Return what each signal does in each phase."""
    later = {Phase.STARTING: Action.LATER, Phase.RELOADING: Action.LATER, Phase.DRAINING: Action.NOTHING}
    rows: dict[signal.Signals, Mapping[Phase, Action]] = {
        number: dict.fromkeys(Phase, Action.STOP) | {Phase.DRAINING: Action.ABORT} for number in STOPPING
    }
    rows[signal.SIGHUP] = later | {Phase.SERVING: Action.RELOAD, Phase.RELOADING: Action.RELOAD_ANEW}
    rows[signal.SIGUSR1] = dict.fromkeys(Phase, Action.REOPEN)
    rows[signal.SIGTTIN] = later | {Phase.SERVING: Action.GROW}
    rows[signal.SIGTTOU] = later | {Phase.SERVING: Action.SHRINK}
    return rows
