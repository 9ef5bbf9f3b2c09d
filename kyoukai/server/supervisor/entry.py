"""The way into a supervisor, from the command line and from a script."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from kyoukai.core.errors import KyoukaiError, ListenError
from kyoukai.server.admin.serving import read_listeners
from kyoukai.server.listeners import Listeners
from kyoukai.server.metrics.book import Book
from kyoukai.server.pid_file import PidFile
from kyoukai.server.supervisor.administration import administered
from kyoukai.server.supervisor.changes import Changes, default_folders
from kyoukai.server.supervisor.outside import Outside
from kyoukai.server.supervisor.process import Command
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.sockets import SlotSockets
from kyoukai.server.supervisor.supervisor import Supervisor

logger: Final = logging.getLogger("kyoukai.server")


def supervise(
    settings: Mapping[str, Any], supervision: Supervision, command: Command | None = None
) -> NoReturn:
    """Serve by workers until told to stop. Logging has been set up.

    :param settings: those of the component, as far as they are known before a worker has loaded anything.
    :param command: what a worker is started by; by default as this process was.
    :raises ConfigurationError: if the address is no such thing.
    :raises SystemExit: with status 0 when told to stop, with that of the first worker if it does not start.
    """
    listeners = Listeners.from_settings(settings)
    pid_file = None if supervision.pid is None else PidFile(supervision.pid)
    admin_listeners = None if supervision.admin is None else read_listeners(supervision.admin)

    async def run() -> int:
        sockets = SlotSockets(listeners)
        try:
            await sockets.open()
        except KyoukaiError as error:
            logger.error("%s", error)
            return 1
        book = None if admin_listeners is None else Book()
        supervisor = Supervisor(supervision, sockets, command or Command(), book, Outside(pid_file))
        watching = None
        if supervision.reload:
            folders = supervision.reload_dirs or default_folders(settings.get("app"))
            include, exclude = supervision.reload_include, supervision.reload_exclude
            watching = Changes(folders, include, supervisor.take_change, exclude).start()
        try:
            return await serve(supervisor, sockets, book)
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait([watching])

    async def serve(supervisor: Supervisor, sockets: SlotSockets, book: Book | None) -> int:
        if admin_listeners is None or book is None:
            return await supervisor.run()
        try:
            async with administered(supervisor, book, admin_listeners):
                return await supervisor.run()
        except ListenError as error:
            logger.error("%s", error)
            sockets.close()
            return 1

    raise SystemExit(asyncio.run(run()))
