"""The connections of a server: the interface that it calls, and how they are counted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    OnOpened = Callable[["ManagedConnection"], None] | None
    OnLost = Callable[["ManagedConnection", Exception | None], None] | None


class ManagedConnection(Protocol):
    """A connection that takes part in deadlines and in a graceful stop.

    ``HTTPProtocol`` is one. A backend with its own protocol class may define these methods, and call
    :meth:`Server.opened` and :meth:`Server.lost`. Without them, a stop does not wait for its connections.
    """

    def sweep(self, now: float) -> None:
        """Act on deadlines that have passed. ``now`` is :attr:`Server.clock`, in seconds."""

    def shutdown(self) -> None:
        """Close as soon as no request is under way."""

    def abort(self) -> "asyncio.Task[None] | None":
        """Close at once; return the cancelled task to wait for, if there is one."""


class Count:
    """Calls two functions for every connection that opens and that is lost.

    A connection that one object hands over to another is counted once.

    :param opened: called for a connection that opens.
    :param lost: called for a connection that is gone.
    """

    def __init__(self, opened: Callable[[], None], lost: Callable[[], None]) -> None:
        self.opened = opened
        self.lost = lost
        self._has_counted = False

    def before(self, on_opened: "OnOpened", on_lost: "OnLost") -> "tuple[OnOpened, OnLost]":
        """Return callbacks that count, and then call the given ones."""

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
        """Call ``begin``, whose connection is already counted; if it opens none, count the loss."""
        self._has_counted = True
        try:
            begin()
        finally:
            if self._has_counted:
                self._has_counted = False
                self.lost()
