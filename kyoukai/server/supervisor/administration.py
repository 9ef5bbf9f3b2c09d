"""The admin server of a supervisor: it answers from the supervisor's loop, whatever the workers' loops do."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.admin.application import NO_METRICS, AdminApplication, Generate
from kyoukai.server.admin.serving import AdminServer
from kyoukai.server.listeners import Listeners
from kyoukai.server.metrics.book import Book, Totals
from kyoukai.server.metrics.exposition import Exposition, Gauges
from kyoukai.server.supervisor.supervisor import Supervisor

logger: Final = logging.getLogger("kyoukai.server")


@contextlib.asynccontextmanager
async def administered(supervisor: Supervisor, book: Book, listeners: Listeners) -> AsyncIterator[None]:
    """Answer what is asked of a supervisor while the block runs.

    :raises ListenError: if an address cannot be listened on.
    """
    server = AdminServer(
        AdminApplication(lambda: supervisor.status, make_generate(supervisor, book)), listeners
    )
    await server.start()
    logger.info("/livez, /readyz and /metrics are at %s", ", ".join(server.entrance.urls))
    try:
        yield
    finally:
        await server.stop()
        book.shut()


def make_generate(supervisor: Supervisor, book: Book) -> Generate | None:
    """Return what makes the text of the metrics; ``None``, and a line of the log, where that cannot be."""

    def read() -> tuple[Totals, Gauges]:
        return book.sum(), Gauges(supervisor.queued(), supervisor.status.workers, supervisor.ends)

    try:
        return Exposition(read).generate
    except ConfigurationError:
        logger.warning("there will be no /metrics: %s", NO_METRICS)
        return None
