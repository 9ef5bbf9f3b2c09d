"""The status of a supervisor, for ``/readyz`` and systemd."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Status:
    """The status of a supervisor."""

    phase: str = "starting"
    """The phase, in a word: ``starting``, ``serving``, ``reloading``, ``draining``."""
    ready: int = 0
    """Number of workers that accept connections."""
    wanted: int = 1
    """Number of workers to run."""
    needed: int = 1
    """Number of ready workers needed to be ready: all during the start, one afterwards."""
    is_leaving: bool = False
    """Whether the supervisor stops: it accepts no connections, or soon will not."""

    @property
    def is_ready(self) -> bool:
        """Whether clients should be sent here."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why clients should not be sent here; empty if they should."""
        if self.is_leaving:
            return "the server is about to stop"
        if self.ready < self.needed:
            return f"{self.ready} of {self.needed} workers are ready"
        return ""

    def describe(self) -> dict[str, Any]:
        """Return all values by name."""
        return {"ready": self.is_ready, "reason": self.reason, "phase": self.phase, "workers": self.workers}

    @property
    def workers(self) -> dict[str, int]:
        """Number of workers in each state."""
        return {"ready": self.ready, "not_ready": max(0, self.wanted - self.ready)}
