"""The pace of a request body, from which its deadline follows.

Only time in which the client could send counts: neither while it waits for ``100 Continue``, nor while it is
paused because the application does not read.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..limits import Limits

UNHELD: Final = -1.0


class DataRate:
    """The pace of one body.

    :param now: when its head was complete, in seconds.
    """

    __slots__ = ("_began", "_held_since", "_progress", "client_waits", "received")

    def __init__(self, now: float) -> None:
        self._began = self._progress = now
        self._held_since = UNHELD
        self.client_waits = False
        """Whether the client waits for ``100 Continue``."""
        self.received = 0
        """Bytes received, including framing."""

    def note(self, now: float, size: int) -> None:
        """Note ``size`` received bytes."""
        if self.client_waits:
            self._began = now
        self._progress = now
        self.received += size

    def hold(self, now: float) -> None:
        """Note that the client is paused."""
        self._held_since = now

    def let_go(self, now: float) -> None:
        """Note that the client may continue."""
        self._began += now - self._held_since
        self._progress = now
        self._held_since = UNHELD

    @property
    def is_held(self) -> bool:
        """Whether the client is paused."""
        return self._held_since != UNHELD

    def deadline(self, limits: "Limits") -> float:
        """Return when the body is late."""
        return limits.body_deadline(self._began, self._progress, self.received)
