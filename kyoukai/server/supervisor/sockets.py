"""The sockets of the slots. The supervisor keeps them open as long as it lives.

With several sockets on one address, the system distributes connections among them, and each has its own
backlog. When a worker dies, its successor accepts from its backlog.
"""

from collections.abc import Collection

from kyoukai.core.errors import ListenError
from kyoukai.server.handed import Column, Handed, socket_name
from kyoukai.server.listeners import Listeners, Sockets, close


class SlotSockets:
    """The sockets of all slots.

    :param listeners: the addresses.
    :param apart: whether each slot has its own sockets. Unix sockets and inherited ones are always shared.
    :param handed: the sockets of the supervisor that this one replaces.
    """

    def __init__(self, listeners: Listeners, *, apart: bool = True, handed: Handed | None = None) -> None:
        self.listeners = listeners
        self.apart = apart
        self.handed_slots: int | None = None
        """The number of slots that the old supervisor had sockets for; ``None``: no restriction."""
        self._handed = handed
        self._slots: list[Sockets] = []

    async def open(self) -> None:
        """Listen for the first slot.

        :raises ListenError: if an address cannot be listened on. Nothing is listened on then.
        """
        if self._handed is not None:
            self.listeners.take(self._handed)
        self._slots = [await self.listeners.open(shared=self.apart)]
        if self._handed is not None:
            self.handed_slots = self._handed.slots
            self._handed.close_gone()
            try:
                # Open all sockets now: if one fails, the old supervisor still serves.
                self.slot((self.handed_slots or 1) - 1)
            except OSError as error:
                self.close()
                raise ListenError(f"cannot open a socket for a worker: {error.strerror}") from error

    def slot(self, number: int) -> Sockets:
        """Return the sockets of a slot; the first call opens them.

        :param number: the slot's number, from 0.
        :raises OSError: if they cannot be opened.
        """
        first = self._slots[0]
        while len(self._slots) <= number:
            self._slots.append(self.listeners.beside(first) if self.apart else first)
        return self._slots[number]

    @property
    def names(self) -> list[str]:
        """Names that identify the addresses of the sockets."""
        return [socket_name(sock) for some in self._slots[0] for sock in some]

    @property
    def columns(self) -> list[Column]:
        """The sockets, in the form that is handed to a new supervisor."""
        return self.listeners.columns(self._slots)

    def leave(self, kept: Collection[str]) -> list[str]:
        """Close the sockets that a new supervisor did not take over; return their names.

        :param kept: names of the sockets that it took over.
        """
        gone = [name for name in self.names if name not in kept]
        self.listeners.leave(self._slots[0], kept)
        for sock in {sock for sockets in self._slots for some in sockets for sock in some}:
            if socket_name(sock) in gone:
                sock.close()
        return gone

    def remove(self) -> None:
        """Remove the files of Unix sockets."""
        self.listeners.remove()

    def close(self) -> None:
        """Close all sockets. Closing them twice is allowed."""
        self.remove()
        for sockets in self._slots:
            close(sockets)


def flatten(sockets: Sockets) -> tuple[list[int], list[int]]:
    """Return the descriptors of sockets, and their number per listener."""
    return [sock.fileno() for some in sockets for sock in some], [len(some) for some in sockets]
