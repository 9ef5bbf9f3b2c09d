"""How a supervisor is, as a value: what ``/readyz`` says, and systemd is told."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Status:
    """How a supervisor is."""

    phase: str = "starting"
    """What it is at, in a word: ``starting``, ``serving``, ``reloading``, ``draining``."""
    ready: int = 0
    """Workers that accept connections."""
    wanted: int = 1
    """Workers that there are to be."""
    needed: int = 1
    """Workers without which it is not ready: all of them at first, one from then on."""
    is_leaving: bool = False
    """Whether it accepts no connections soon, or none any more."""

    @property
    def is_ready(self) -> bool:
        """Whether clients are to be sent here."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why they are not; empty, if they are."""
        if self.is_leaving:
            return "the server is about to stop"
        if self.ready < self.needed:
            return f"{self.ready} of {self.needed} workers are ready"
        return ""

    def describe(self) -> dict[str, Any]:
        """Return all of it, by name."""
        return {"ready": self.is_ready, "reason": self.reason, "phase": self.phase, "workers": self.workers}

    @property
    def workers(self) -> dict[str, int]:
        """How many workers there are of each state."""
        return {"ready": self.ready, "not_ready": max(0, self.wanted - self.ready)}
