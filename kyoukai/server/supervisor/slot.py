"""One slot: the place of one worker, which others follow."""

import asyncio
from collections.abc import Collection
from typing import Final

from kyoukai.server.listeners import Sockets
from kyoukai.server.supervisor.decisions import Backoff
from kyoukai.server.supervisor.process import State, WorkerProcess

ORPHANED_AFTER: Final = 0.5
"""Seconds. Where a slot is to be without a worker for longer, the others accept what waits for it."""


class Slot:
    """The place of one worker.

    :param number: from 0.
    :param sockets: its sockets.
    """

    def __init__(self, number: int, sockets: Sockets) -> None:
        self.number = number
        self.sockets = sockets
        self.backoff = Backoff()
        self.current: WorkerProcess | None = None
        """The worker that serves, or is the first to."""
        self.successor: WorkerProcess | None = None
        """The worker that is to take its place, and starts or waits for others to have started."""
        self.retired: set[WorkerProcess] = set()
        """Workers that drain."""
        self.is_orphaned = False
        """Whether the workers of other slots accept from its sockets."""
        self.recycled = ""
        """Why its worker gets a successor, in a word."""
        self.rest_until = 0.0
        """When a successor may be started after one that did not start."""
        self.retry: asyncio.TimerHandle | None = None
        """The start of a worker that is waited for."""

    @property
    def name(self) -> str:
        """What the log calls its worker."""
        return f"worker {self.number + 1}"

    @property
    def is_serving(self) -> bool:
        """Whether a worker of it accepts connections."""
        return self.current is not None and self.current.state is State.SERVING

    @property
    def workers(self) -> list[WorkerProcess]:
        """All workers that have not ended."""
        return [worker for worker in (self.current, self.successor, *self.retired) if worker is not None]

    def retire(self, worker: WorkerProcess, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Have a worker end, which another one follows, or none.

        :param gone: as :meth:`~kyoukai.server.supervisor.process.WorkerProcess.drain` has it.
        """
        if worker is self.current:
            self.current = None
        elif worker is self.successor:
            self.successor = None
        self.retired.add(worker)
        worker.drain(reason, leave=leave, gone=gone)

    def promote(self, reason: str) -> None:
        """Have the successor serve, and then the one before it end."""
        self.cancel_retry()
        before, self.current, self.successor = self.current, self.successor, None
        if self.current is not None:
            self.current.serve()
        if before is not None:
            self.retired.add(before)
            before.drain(reason, leave=True)

    def forget(self, worker: WorkerProcess) -> None:
        """Take note that a worker has ended."""
        if worker is self.current:
            self.current = None
        if worker is self.successor:
            self.successor = None
        self.retired.discard(worker)

    def cancel_retry(self) -> None:
        """Start no worker by a timer."""
        if self.retry is not None:
            self.retry.cancel()
            self.retry = None
