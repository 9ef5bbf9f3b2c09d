"""A slot: the place of one worker and its replacements."""

import asyncio
from collections.abc import Collection
from typing import Final

from kyoukai.server.listeners import Sockets
from kyoukai.server.supervisor.decisions import Backoff
from kyoukai.server.supervisor.process import State, WorkerProcess

ORPHANED_AFTER: Final = 0.5
"""Seconds. If a slot will have no worker for longer than this, the other workers accept its connections."""


class Slot:
    """The place of one worker.

    :param number: its number, from 0.
    :param sockets: its sockets.
    """

    def __init__(self, number: int, sockets: Sockets) -> None:
        self.number = number
        self.sockets = sockets
        self.backoff = Backoff()
        self.current: WorkerProcess | None = None
        """The worker that serves, or the first one while it starts."""
        self.successor: WorkerProcess | None = None
        """The worker that will replace the current one. It is starting, or waiting for others to start."""
        self.retired: set[WorkerProcess] = set()
        """Draining workers."""
        self.is_orphaned = False
        """Whether the workers of other slots accept from its sockets."""
        self.recycled = ""
        """Why its worker is being replaced, in a word."""
        self.rest_until = 0.0
        """The earliest time for another successor, after one failed to start."""
        self.retry: asyncio.TimerHandle | None = None
        """The timer that starts the next worker."""

    @property
    def name(self) -> str:
        """The name of its worker in log lines."""
        return f"worker {self.number + 1}"

    @property
    def is_serving(self) -> bool:
        """Whether its worker accepts connections."""
        return self.current is not None and self.current.state is State.SERVING

    @property
    def workers(self) -> list[WorkerProcess]:
        """All workers of the slot that have not ended."""
        return [worker for worker in (self.current, self.successor, *self.retired) if worker is not None]

    def retire(self, worker: WorkerProcess, reason: str, *, leave: bool, gone: Collection[str] = ()) -> None:
        """Let a worker finish its requests and end.

        :param leave: as in :meth:`~kyoukai.server.supervisor.process.WorkerProcess.drain`.
        :param gone: as in the same method.
        """
        if worker is self.current:
            self.current = None
        elif worker is self.successor:
            self.successor = None
        self.retired.add(worker)
        worker.drain(reason, leave=leave, gone=gone)

    def promote(self, reason: str) -> None:
        """Make the successor serve. Then end the current worker."""
        self.cancel_retry()
        before, self.current, self.successor = self.current, self.successor, None
        if self.current is not None:
            self.current.serve()
        if before is not None:
            self.retired.add(before)
            before.drain(reason, leave=True)

    def forget(self, worker: WorkerProcess) -> None:
        """Remove a worker that has ended."""
        if worker is self.current:
            self.current = None
        if worker is self.successor:
            self.successor = None
        self.retired.discard(worker)

    def cancel_retry(self) -> None:
        """Cancel the timer that would start a worker."""
        if self.retry is not None:
            self.retry.cancel()
            self.retry = None
