"""Start a supervisor, from the command line or from a script."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NoReturn

from kyoukai.core.errors import KyoukaiError
from kyoukai.server.admin.serving import read_listeners
from kyoukai.server.listeners import Listeners
from kyoukai.server.metrics.book import Book
from kyoukai.server.pid_file import PidFile
from kyoukai.server.supervisor.administration import administered
from kyoukai.server.supervisor.changes import Changes, default_folders
from kyoukai.server.supervisor.outside import Outside
from kyoukai.server.supervisor.predecessor import adopt_environment, predecessor, reporting_failure
from kyoukai.server.supervisor.process import Command
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.sockets import SlotSockets
from kyoukai.server.supervisor.supervisor import Supervisor
from kyoukai.server.supervisor.tally import Tally
from kyoukai.server.supervisor.upgrade import Upgrades

logger: Final = logging.getLogger("kyoukai.server")


def supervise(
    settings: Mapping[str, Any],
    supervision: Supervision,
    command: Command | None = None,
    start_timeout: float | None = None,
) -> NoReturn:
    """Serve with workers until told to stop. Logging must be set up before.

    :param settings: the component's settings, as far as they are known before a worker has loaded the
        application.
    :param command: how to start a worker; by default, as this process was started.
    :param start_timeout: time limit for the start of a worker in seconds; ``None``: no limit.
    :raises ConfigurationError: if an address is invalid.
    :raises SystemExit: with status 0 after a stop, with the first worker's status if it does not start.
    """
    with contextlib.ExitStack() as stack, reporting_failure():
        before = predecessor()
        listeners = Listeners.from_settings(settings)
        admin = None if supervision.admin is None else read_listeners(supervision.admin)
        if before is not None:
            stack.callback(before.close)
            before.read_estate()
            adopt_environment(before.pid)
        pid = None if before is None else before.pid
        pid_file = None if supervision.pid is None else PidFile(supervision.pid, pid)
        sockets = SlotSockets(listeners, handed=None if before is None else before.listening)
        supervisor = Supervisor(
            supervision,
            sockets,
            Upgrades(command or Command(), start_timeout),
            Tally(None if admin is None else Book()),
            Outside(pid_file, is_heir=before is not None),
        )
        if before is not None:
            supervisor.succeed(before)
            if admin is not None:
                admin.take(before.admin)
        raise SystemExit(asyncio.run(serve(supervisor, sockets, admin, settings.get("app"))))


async def serve(supervisor: Supervisor, sockets: SlotSockets, admin: Listeners | None, app: Any) -> int:
    """Run a supervisor with its admin server and its file watcher; return the exit status.

    :param sockets: the supervisor's sockets, not yet open.
    :param admin: addresses of the admin server.
    :param app: the ``app`` setting.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            await sockets.open()
            stack.callback(sockets.close)
            if admin is not None and supervisor.tally.book is not None:
                await stack.enter_async_context(administered(supervisor, supervisor.tally.book, admin))
        except KyoukaiError as error:
            if supervisor.takeover is None:
                logger.error("%s", error)
            else:
                supervisor.takeover.before.report_failure(str(error))
            return 1
        if supervisor.takeover is not None:
            supervisor.takeover.before.admin.close()
        if supervisor.settings.reload:
            await stack.enter_async_context(watched(supervisor, app))
        return await supervisor.run()


@contextlib.asynccontextmanager
async def watched(supervisor: Supervisor, app: Any) -> AsyncIterator[None]:
    """Reload the application on every change of its files, while the block runs."""
    settings = supervisor.settings
    folders = settings.reload_dirs or default_folders(app)
    include, exclude = settings.reload_include, settings.reload_exclude
    watching = Changes(folders, include, supervisor.take_change, exclude).start()
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])
