"""All slots: their number, the starts of their workers, and who accepts for a slot that has none."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

from kyoukai.server.addresses import join
from kyoukai.server.metrics.book import Book
from kyoukai.server.sockets import queue_length
from kyoukai.server.supervisor.decisions import Recycling
from kyoukai.server.supervisor.process import Command, WorkerProcess
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.slot import ORPHANED_AFTER, Slot
from kyoukai.server.supervisor.sockets import SlotSockets

logger: Final = logging.getLogger("kyoukai.server")


class Slots:
    """The slots of a supervisor.

    :param settings: when a worker has served enough.
    :param sockets: what workers accept from; open.
    :param command: what a worker is started by.
    :param on_ready: called with a slot and a worker of it that has started.
    :param book: what keeps the counts of workers; ``None``: they count nothing.
    """

    def __init__(
        self,
        settings: Supervision,
        sockets: SlotSockets,
        command: Command,
        on_ready: Callable[[Slot, WorkerProcess], None],
        book: Book | None = None,
    ) -> None:
        self.opened: list[Slot] = []
        """Those that are to have a worker."""
        self.wanted = settings.workers
        """How many there are to be: those, and at the start as many as are set."""
        self.were_full = False
        """Whether all of them have ever served at once."""
        self._closed: list[Slot] = []
        self._settings = settings
        self._sockets = sockets
        self._command = command
        self._on_ready = on_ready
        self._book = book

    @property
    def all(self) -> list[Slot]:
        """Those that are to have a worker, and those that are not any more."""
        return [*self.opened, *self._closed]

    @property
    def workers(self) -> list[WorkerProcess]:
        """All workers that have not ended."""
        return [worker for slot in self.all for worker in slot.workers]

    @property
    def ready(self) -> int:
        """How many workers accept connections."""
        return sum(slot.is_serving for slot in self.opened)

    def queued(self) -> dict[str, int]:
        """Return how many connections wait to be accepted, by the address of their TCP sockets."""
        found: Counter[str] = Counter()
        for sock in {sock for slot in self.all for some in slot.sockets for sock in some}:
            length = queue_length(sock)
            if length is not None:
                found[join(*sock.getsockname()[:2])] += length
        return dict(found)

    def open(self) -> None:
        """Have one slot more, and start its worker."""
        number = len(self.opened)
        closed = [slot for slot in self._closed if slot.number == number]
        if closed:
            [slot] = closed
            self._closed.remove(slot)
        else:
            try:
                slot = Slot(number, self._sockets.slot(number))
            except OSError as error:
                logger.error("worker %d gets no socket: %s", number + 1, error.strerror)
                self.wanted = max(1, number)
                self._note_full()
                return
        self.opened.append(slot)
        self.wanted = max(self.wanted, len(self.opened))
        self.fill(slot)

    def close_last(self) -> None:
        """Have one slot fewer, but never none. The others accept what waits for it."""
        if len(self.opened) == 1:
            logger.warning("there is one worker, and it stays")
            return
        slot = self.opened.pop()
        self.wanted = len(self.opened)
        self._note_full()
        slot.cancel_retry()
        self._closed.append(slot)
        self.orphan(slot)
        for worker in slot.workers:
            slot.retire(worker, "scaled", leave=True)

    def fill(self, slot: Slot) -> None:
        """Start the worker of a slot that has none; where that fails, try on later."""
        slot.retry = None
        try:
            slot.current = self.start(slot)
        except OSError as error:
            delay = slot.backoff.delay(None)
            logger.error(
                "%s cannot be started: %s; the next try is in %g s", slot.name, error.strerror, delay
            )
            slot.retry = asyncio.get_running_loop().call_later(delay, self.fill, slot)

    def start(self, slot: Slot) -> WorkerProcess:
        """Return a new worker for a slot.

        :raises OSError: if the system has no room for it.
        """
        settings = self._settings
        recycling = Recycling(
            settings.max_requests,
            settings.max_requests_jitter,
            settings.max_worker_age,
            settings.max_worker_memory,
        )
        region = None if self._book is None else self._book.open(str(slot.number + 1))

        def on_ready(worker: WorkerProcess) -> None:
            self._on_ready(slot, worker)

        try:
            worker = WorkerProcess(slot.name, self._command, slot.sockets, recycling, on_ready, region)
        except BaseException:
            if self._book is not None and region is not None:
                self._book.close(region)
            raise
        logger.debug("%s is started", worker.name)
        return worker

    def replace_dead(self, slot: Slot, worker: WorkerProcess, how: str) -> None:
        """Have a worker followed by another one, which has ended while it was to serve.

        :param how: it has ended.
        """
        served = time.monotonic() - worker.began if worker.served else None
        delay = slot.backoff.delay(served)
        follows = f"another follows in {delay:g} s" if delay else "another follows"
        if worker.reason:
            logger.info("%s: %s", slot.name, follows)
        else:
            logger.error("%s ended unasked: %s; %s", worker.name, how, follows)
        if delay > ORPHANED_AFTER:
            self.orphan(slot)
        slot.retry = asyncio.get_running_loop().call_later(delay, self.fill, slot)

    def rest(self, slot: Slot, worker: WorkerProcess, how: str) -> None:
        """Wait for a while until a worker gets a successor: this one has ended before it was ready."""
        delay = slot.backoff.delay(None)
        slot.rest_until = time.monotonic() + delay
        logger.error(
            "%s, a successor, ended before it was ready: %s; the next follows in %g s",
            worker.name,
            how,
            delay,
        )

    def retire_all(self, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Have all workers end, and start no more.

        :param leave: as :meth:`~kyoukai.server.supervisor.process.WorkerProcess.drain` has it; and ``gone``.
        """
        for slot in self.all:
            slot.cancel_retry()
            for worker in slot.workers:
                slot.retire(worker, reason, leave=leave, gone=gone)

    def add_closed(self, count: int) -> None:
        """Have others accept what waits for slots that there are no workers for.

        :param count: how many slots there are sockets for.
        """
        for number in range(len(self.opened), count):
            slot = Slot(number, self._sockets.slot(number))
            slot.is_orphaned = True
            self._closed.append(slot)

    def settle(self, slot: Slot) -> None:
        """Have a worker that begins to serve take its own sockets back, and share those without a worker."""
        self._note_full()
        if slot.is_orphaned:
            slot.is_orphaned = False
            for worker in self._serving_beside(slot):
                worker.release(slot.number)
        for orphan in self.all:
            if orphan.is_orphaned and slot.current is not None:
                slot.current.adopt(orphan.number, orphan.sockets)

    def orphan(self, slot: Slot) -> None:
        """Have the others accept from the sockets of a slot that has no worker, until it has one."""
        if slot.is_orphaned or not self._sockets.apart:
            return
        slot.is_orphaned = True
        for worker in self._serving_beside(slot):
            worker.adopt(slot.number, slot.sockets)

    def _note_full(self) -> None:
        self.were_full = self.were_full or self.ready >= self.wanted

    def _serving_beside(self, slot: Slot) -> list[WorkerProcess]:
        return [
            other.current
            for other in self.opened
            if other is not slot and other.is_serving and other.current is not None
        ]
