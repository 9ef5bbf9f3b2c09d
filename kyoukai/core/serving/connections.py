"""The connections of a server, as it sees them: what they are told, and how they are counted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    OnOpened = Callable[["ManagedConnection"], None] | None
    OnLost = Callable[["ManagedConnection", Exception | None], None] | None


class ManagedConnection(Protocol):
    """A connection that takes part in deadlines and in a graceful stop.

    ``HTTPProtocol`` is one. A backend with a protocol of its own may give it these methods and
    call :meth:`Server.opened` and :meth:`Server.lost`; otherwise a stop does not wait for them.
    """

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed. ``now`` is :attr:`Server.clock`, in seconds."""

    def shutdown(self) -> None:
        """Close as soon as no request is under way."""

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once; return the task to wait for, already cancelled, if there is one."""


class Count:
    """Has two functions called, with every connection that opens and that is lost.

    A connection that one object hands over to another is counted once.

    :param opened: counts one that opens.
    :param lost: counts one that is gone.
    """

    def __init__(self, opened: Callable[[], None], lost: Callable[[], None]) -> None:
        self.opened = opened
        self.lost = lost
        self._has_counted = False

    def before(self, on_opened: "OnOpened", on_lost: "OnLost") -> "tuple[OnOpened, OnLost]":
        """Return what counts, and then calls these."""

        def note_opened(connection: ManagedConnection) -> None:
            if self._has_counted:
                self._has_counted = False
            else:
                self.opened()
            if on_opened is not None:
                on_opened(connection)

        def note_lost(connection: ManagedConnection, exc: Exception | None) -> None:
            self.lost()
            if on_lost is not None:
                on_lost(connection, exc)

        return note_opened, note_lost

    def keep_while(self, begin: Callable[[], None]) -> None:
        """Call ``begin``. The connection that it opens has been counted; it is gone where it opens none."""
        self._has_counted = True
        try:
            begin()
        finally:
            if self._has_counted:
                self._has_counted = False
                self.lost()
