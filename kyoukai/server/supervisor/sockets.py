"""The sockets of the slots, which the supervisor keeps open for as long as it lives.

The system shares out connections between sockets that listen on one address, each with a backlog of its own.
What waits in the backlog of a worker that died is its successor's.
"""

from collections.abc import Collection

from kyoukai.core.errors import ListenError
from kyoukai.server.handed import Column, Handed, socket_name
from kyoukai.server.listeners import Listeners, Sockets, close


class SlotSockets:
    """The sockets of all slots.

    :param listeners: the addresses.
    :param apart: whether each slot has sockets of its own. Those of Unix and inherited ones are shared in
        any case.
    :param handed: those of the supervisor whose place this one takes.
    """

    def __init__(self, listeners: Listeners, *, apart: bool = True, handed: Handed | None = None) -> None:
        self.listeners = listeners
        self.apart = apart
        self.handed_slots: int | None = None
        """How many slots the supervisor from before had sockets for; ``None``: any number will do."""
        self._handed = handed
        self._slots: list[Sockets] = []

    async def open(self) -> None:
        """Listen for the first slot.

        :raises ListenError: if an address cannot be listened on. None is listened on then.
        """
        if self._handed is not None:
            self.listeners.take(self._handed)
        self._slots = [await self.listeners.open(shared=self.apart)]
        if self._handed is not None:
            self.handed_slots = self._handed.slots
            self._handed.close_gone()
            try:
                # That one cannot be opened is to be found out while the other supervisor serves.
                self.slot((self.handed_slots or 1) - 1)
            except OSError as error:
                self.close()
                raise ListenError(f"a worker gets no socket: {error.strerror}") from error

    def slot(self, number: int) -> Sockets:
        """Return the sockets of a slot, which are opened when it is asked for first.

        :param number: from 0.
        :raises OSError: if they cannot be opened.
        """
        first = self._slots[0]
        while len(self._slots) <= number:
            self._slots.append(self.listeners.beside(first) if self.apart else first)
        return self._slots[number]

    @property
    def names(self) -> list[str]:
        """What tells their addresses."""
        return [socket_name(sock) for some in self._slots[0] for sock in some]

    @property
    def columns(self) -> list[Column]:
        """What another supervisor is handed."""
        return self.listeners.columns(self._slots)

    def leave(self, kept: Collection[str]) -> list[str]:
        """Close those that another supervisor has not taken over, and return their names.

        :param kept: the names of those that it has.
        """
        gone = [name for name in self.names if name not in kept]
        self.listeners.leave(self._slots[0], kept)
        for sock in {sock for sockets in self._slots for some in sockets for sock in some}:
            if socket_name(sock) in gone:
                sock.close()
        return gone

    def remove(self) -> None:
        """Remove Unix sockets from the file system."""
        self.listeners.remove()

    def close(self) -> None:
        """Close all. It may be called twice."""
        self.remove()
        for sockets in self._slots:
            close(sockets)


def flatten(sockets: Sockets) -> tuple[list[int], list[int]]:
    """Return the descriptors of sockets, and how many each listener has."""
    return [sock.fileno() for some in sockets for sock in some], [len(some) for some in sockets]
