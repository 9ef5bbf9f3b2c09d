"""How fast a body comes: what its deadline follows from.

Only the time counts in which the client could send: not while it waits for ``100 Continue``, and not
while it is made to wait because the application does not read.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..limits import Limits

UNHELD: Final = -1.0


class DataRate:
    """The pace of one body.

    :param now: when its head was whole, in seconds.
    """

    __slots__ = ("_began", "_held_since", "_progress", "client_waits", "received")

    def __init__(self, now: float) -> None:
        self._began = self._progress = now
        self._held_since = UNHELD
        self.client_waits = False
        """Whether the client waits for ``100 Continue``."""
        self.received = 0
        """Bytes that have come, with what frames them."""

    def note(self, now: float, size: int) -> None:
        """Note that ``size`` bytes have come."""
        if self.client_waits:
            self._began = now
        self._progress = now
        self.received += size

    def hold(self, now: float) -> None:
        """Note that the client is made to wait."""
        self._held_since = now

    def let_go(self, now: float) -> None:
        """Note that the client may go on."""
        self._began += now - self._held_since
        self._progress = now
        self._held_since = UNHELD

    @property
    def is_held(self) -> bool:
        """Whether the client is made to wait."""
        return self._held_since != UNHELD

    def deadline(self, limits: "Limits") -> float:
        """Return when the body is late."""
        return limits.body_deadline(self._began, self._progress, self.received)
