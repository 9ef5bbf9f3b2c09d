"""The sockets of the slots, which the supervisor keeps open for as long as it lives.

The system shares out connections between sockets that listen on one address, each with a backlog of its own.
What waits in the backlog of a worker that died is its successor's.
"""

from kyoukai.server.listeners import Listeners, Sockets, close


class SlotSockets:
    """The sockets of all slots.

    :param listeners: the addresses.
    :param apart: whether each slot has sockets of its own. Those of Unix and inherited ones are shared in
        any case.
    """

    def __init__(self, listeners: Listeners, *, apart: bool = True) -> None:
        self.listeners = listeners
        self.apart = apart
        self._slots: list[Sockets] = []

    async def open(self) -> None:
        """Listen for the first slot.

        :raises ListenError: if an address cannot be listened on. None is listened on then.
        """
        self._slots = [await self.listeners.open(shared=self.apart)]

    def slot(self, number: int) -> Sockets:
        """Return the sockets of a slot, which are opened when it is asked for first.

        :param number: from 0.
        :raises OSError: if they cannot be opened.
        """
        first = self._slots[0]
        while len(self._slots) <= number:
            self._slots.append(self.listeners.beside(first) if self.apart else first)
        return self._slots[number]

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
