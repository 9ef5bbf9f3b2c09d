"""All slots: their number, the starts of their workers, and who accepts for a slot without a worker."""

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

    :param settings: limits after which a worker is replaced.
    :param sockets: the workers' sockets; open.
    :param command: how to start a worker.
    :param on_ready: called with a slot and its worker when the worker has started.
    :param book: keeps the counts of workers; ``None``: they count nothing.
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
        """The slots in use. Each is to have a worker."""
        self.wanted = settings.workers
        """The number of workers to run: the slots in use or, during the start, the setting."""
        self.were_full = False
        """Whether all workers have ever served at the same time."""
        self._closed: list[Slot] = []
        self._settings = settings
        self._sockets = sockets
        self._command = command
        self._on_ready = on_ready
        self._book = book

    @property
    def all(self) -> list[Slot]:
        """All slots: those in use and the closed ones."""
        return [*self.opened, *self._closed]

    @property
    def workers(self) -> list[WorkerProcess]:
        """All workers that have not ended."""
        return [worker for slot in self.all for worker in slot.workers]

    @property
    def ready(self) -> int:
        """The number of workers that accept connections."""
        return sum(slot.is_serving for slot in self.opened)

    def queued(self) -> dict[str, int]:
        """Return the number of connections in the backlogs of TCP sockets, by address."""
        found: Counter[str] = Counter()
        for sock in {sock for slot in self.all for some in slot.sockets for sock in some}:
            length = queue_length(sock)
            if length is not None:
                found[join(*sock.getsockname()[:2])] += length
        return dict(found)

    def open(self) -> None:
        """Add a slot, and start its worker."""
        number = len(self.opened)
        closed = [slot for slot in self._closed if slot.number == number]
        if closed:
            [slot] = closed
            self._closed.remove(slot)
        else:
            try:
                slot = Slot(number, self._sockets.slot(number))
            except OSError as error:
                logger.error("cannot open a socket for worker %d: %s", number + 1, error.strerror)
                self.wanted = max(1, number)
                self._note_full()
                return
        self.opened.append(slot)
        self.wanted = max(self.wanted, len(self.opened))
        self.fill(slot)

    def close_last(self) -> None:
        """Close the last slot, unless it is the only one. The other workers accept from its backlogs."""
        if len(self.opened) == 1:
            logger.warning("the last worker stays: at least one must run")
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
        """Start a worker for an empty slot; if the start fails, schedule another try."""
        slot.retry = None
        try:
            slot.current = self.start(slot)
        except OSError as error:
            delay = slot.backoff.delay(None)
            logger.error("%s cannot be started: %s; next try in %g s", slot.name, error.strerror, delay)
            slot.retry = asyncio.get_running_loop().call_later(delay, self.fill, slot)

    def start(self, slot: Slot) -> WorkerProcess:
        """Start a worker for a slot, and return it.

        :raises OSError: if the system cannot start another process.
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
        logger.debug("started %s", worker.name)
        return worker

    def replace_dead(self, slot: Slot, worker: WorkerProcess, how: str) -> None:
        """Schedule the replacement of a worker that ended while it was to serve.

        :param how: a description of its end.
        """
        served = time.monotonic() - worker.began if worker.served else None
        delay = slot.backoff.delay(served)
        follows = f"replaced in {delay:g} s" if delay else "replaced at once"
        if worker.reason:
            logger.info("%s: %s", slot.name, follows)
        else:
            logger.error("%s ended unexpectedly: %s; %s", worker.name, how, follows)
        if delay > ORPHANED_AFTER:
            self.orphan(slot)
        slot.retry = asyncio.get_running_loop().call_later(delay, self.fill, slot)

    def rest(self, slot: Slot, worker: WorkerProcess, how: str) -> None:
        """Delay the next successor of a worker, because this one ended before it was ready."""
        delay = slot.backoff.delay(None)
        slot.rest_until = time.monotonic() + delay
        logger.error(
            "%s, a successor, ended before it was ready: %s; next try in %g s",
            worker.name,
            how,
            delay,
        )

    def retire_all(self, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Let all workers finish and end; start no more.

        :param leave: as in :meth:`~kyoukai.server.supervisor.process.WorkerProcess.drain`.
        :param gone: as in the same method.
        """
        for slot in self.all:
            slot.cancel_retry()
            for worker in slot.workers:
                slot.retire(worker, reason, leave=leave, gone=gone)

    def add_closed(self, count: int) -> None:
        """Let the workers accept from the backlogs of slots that have sockets but no worker.

        :param count: number of slots that have sockets.
        """
        for number in range(len(self.opened), count):
            slot = Slot(number, self._sockets.slot(number))
            slot.is_orphaned = True
            self._closed.append(slot)

    def settle(self, slot: Slot) -> None:
        """Return a slot's sockets to its new worker; share the sockets of empty slots with it."""
        self._note_full()
        if slot.is_orphaned:
            slot.is_orphaned = False
            for worker in self._serving_beside(slot):
                worker.release(slot.number)
        for orphan in self.all:
            if orphan.is_orphaned and slot.current is not None:
                slot.current.adopt(orphan.number, orphan.sockets)

    def orphan(self, slot: Slot) -> None:
        """Let the other workers accept from the sockets of a slot, until its own worker serves."""
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
