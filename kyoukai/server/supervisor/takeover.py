"""An upgrade, on the side of the new supervisor, which replaces the old one."""

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
    """Replaces an old supervisor.

    :param before: the old supervisor.
    :param slots: this supervisor's slots.
    :param sockets: this supervisor's sockets.
    :param tally: this supervisor's counts, which continue those of the old one.
    :param on_serving: called when this supervisor has begun to serve.
    :param on_ended: called when the old supervisor has ended.
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
        """The names of the admin server's sockets that stay in use."""
        self.is_asked = False
        """Whether this supervisor has reported that it is ready."""
        self._slots, self._sockets, self._tally = slots, sockets, tally
        self._on_serving, self._on_ended = on_serving, on_ended

    def check(self, workers: int, path: str | None) -> None:
        """Report to the old supervisor that this one is ready, as soon as enough workers are.

        Enough are as many as the old supervisor has sockets for, at most ``workers``. A new socket on the
        address would receive connections before a worker is certain to serve them. So further workers start
        only when this supervisor serves.

        :param workers: the configured number of workers.
        :param path: path of this supervisor's PID file.
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
        """Handle a message of the old supervisor, or its end.

        :param message: the message; ``None``: the old supervisor is gone.
        :param is_wanted: whether this supervisor is to serve, rather than about to end.
        :return: names of the signals that the old supervisor left to this one.
        """
        if message is None:
            if self.before.serves and is_wanted:
                logger.warning("the old supervisor is gone; this one serves without its counts")
                self._serve()
            self._end()
        elif message.kind == "go":
            values = message.values
            if not self._tally.inherit(values["ends"], message.descriptors, values["layout"]):
                logger.warning("the metrics start from zero: the old version has another layout of counts")
            if is_wanted:
                self._serve()
            else:
                # No other supervisor is left: this one must remove the files that the old one created.
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
        # This supervisor counts as ready like the old one, with as many workers; more may follow.
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
