"""The admin server of a supervisor. It runs in the supervisor's loop, so a busy worker cannot delay it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.admin.application import NO_METRICS, AdminApplication, Generate
from kyoukai.server.admin.serving import AdminServer
from kyoukai.server.handed import socket_name
from kyoukai.server.listeners import Listeners
from kyoukai.server.metrics.book import Book, Totals
from kyoukai.server.metrics.exposition import Exposition, Gauges
from kyoukai.server.supervisor.phases import Phase
from kyoukai.server.supervisor.supervisor import Supervisor

logger: Final = logging.getLogger("kyoukai.server")


@contextlib.asynccontextmanager
async def administered(supervisor: Supervisor, book: Book, listeners: Listeners) -> AsyncIterator[None]:
    """Run the admin server while the block runs.

    During an upgrade, the new supervisor's admin server answers only once that supervisor serves.

    :raises ListenError: if an address cannot be listened on.
    """
    server = AdminServer(
        AdminApplication(lambda: supervisor.status, make_generate(supervisor, book)), listeners
    )
    tasks: set[asyncio.Task[None]] = set()

    def begin(what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def watch(phase: Phase) -> None:
        successor = supervisor.upgrades.successor
        if phase is Phase.SERVING and not server.has_begun:
            begin(server.serve())
        elif phase is Phase.REPLACED and successor is not None:
            begin(server.leave(successor.kept))

    await server.open()
    supervisor.watchers.append(watch)
    supervisor.upgrades.admin = lambda: listeners.columns([server.entrance.opened])
    if supervisor.takeover is None:
        await server.serve()
    else:
        supervisor.takeover.kept = [socket_name(sock) for some in server.entrance.opened for sock in some]
    logger.info("/livez, /readyz and /metrics are at %s", ", ".join(server.entrance.urls))
    try:
        yield
    finally:
        if tasks:
            await asyncio.wait(tasks)
        await server.stop()
        book.shut()


def make_generate(supervisor: Supervisor, book: Book) -> Generate | None:
    """Return the function that renders the metrics; log why and return ``None`` if there can be none."""

    def read() -> tuple[Totals, Gauges]:
        return book.sum(), Gauges(supervisor.slots.queued(), supervisor.status.workers, supervisor.tally.ends)

    try:
        return Exposition(read).generate
    except ConfigurationError:
        logger.warning("/metrics is not available: %s", NO_METRICS)
        return None
