"""An upgrade, on the side of the new supervisor: it takes the place of the old one."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from kyoukai.server.supervisor.channel import Message
from kyoukai.server.supervisor.predecessor import Predecessor
from kyoukai.server.supervisor.process import State
from kyoukai.server.supervisor.slots import Slots
from kyoukai.server.supervisor.sockets import SlotSockets
from kyoukai.server.supervisor.tally import Tally

logger: Final = logging.getLogger("kyoukai.server")


class Takeover:
    """How a supervisor takes the place of another one.

    :param before: that one.
    :param slots: those of this one.
    :param sockets: of them.
    :param tally: what this one counts, and goes on to count of that one.
    :param on_serving: called when this one serves in its place.
    :param on_ended: called when it has ended.
    """

    def __init__(
        self,
        before: Predecessor,
        slots: Slots,
        sockets: SlotSockets,
        tally: Tally,
        on_serving: Callable[[], None],
        on_ended: Callable[[], None],
    ) -> None:
        self.before = before
        self.kept: Sequence[str] = ()
        """The names of the admin server's sockets that it goes on with."""
        self.is_asked = False
        """Whether the one from before has been asked for its place."""
        self._slots, self._sockets, self._tally = slots, sockets, tally
        self._on_serving, self._on_ended = on_serving, on_ended

    def check(self, workers: int, path: str | None) -> None:
        """Ask for its place, if as many workers are ready as it has sockets for, or as there are to be.

        A socket beside its own would be given connections before there is a worker that is sure to serve
        them. So further workers follow when this supervisor serves.

        :param workers: as many as there are to be.
        :param path: of the file that names this supervisor's process.
        """
        handed = self._sockets.handed_slots
        wanted = workers if handed is None else min(workers, handed)
        for _ in range(len(self._slots.opened), wanted):
            self._slots.open()
        current = [slot.current for slot in self._slots.opened]
        if all(worker is not None and worker.state is State.READY for worker in current):
            self.is_asked = True
            self.before.report_ready([*self._sockets.names, *self.kept], path)

    def take(self, message: Message | None, *, is_wanted: bool) -> Sequence[str]:
        """Take a message of the one from before, or its end.

        :param is_wanted: whether this supervisor is to serve, and not about to end.
        :return: the names of signals that are left to this one.
        """
        if message is None:
            if self.before.serves and is_wanted:
                logger.warning("the supervisor from before is gone; this one goes on without its counts")
                self._serve()
            self._end()
        elif message.kind == "go":
            values = message.values
            if not self._tally.inherit(values["ends"], message.descriptors, values["layout"]):
                logger.warning("the metrics begin anew: the version from before counts otherwise")
            if is_wanted:
                self._serve()
            else:
                # There is nobody else any more: what was made by the one from before is to be removed.
                self._sockets.listeners.own()
            signals: Sequence[str] = values["signals"]
            return signals
        elif message.kind in ("ends", "ended"):
            self._tally.add(message.values["ends"])
            if message.kind == "ended":
                self._tally.settle()
                self._end()
        return ()

    def _serve(self) -> None:
        self.before.serves = False
        self._sockets.listeners.own()
        # It is as ready as that one was, with as many workers, however many are to follow.
        self._slots.were_full = True
        self._slots.add_closed(self._sockets.handed_slots or 0)
        for slot in self._slots.opened:
            if slot.current is not None and slot.current.state is State.READY:
                slot.current.serve()
                self._slots.settle(slot)
        self._on_serving()

    def _end(self) -> None:
        if not self.before.has_ended:
            self.before.has_ended = True
            self._on_ended()
