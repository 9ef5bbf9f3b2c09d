"""Serving the admin application in the supervisor's own loop, by Kyoukai itself."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from asphalt.core import Context

from kyoukai.core.contract.selection import create_backends
from kyoukai.core.limits import Limits
from kyoukai.core.serving.server_state import Server
from kyoukai.server.entrance import Entrance
from kyoukai.server.handed import socket_name
from kyoukai.server.listeners import Listeners

from .application import AdminApplication

LIMITS: Final = Limits(max_body_size=0, keep_alive_timeout=30.0, shutdown_timeout=1.0)
"""A scraper may keep its connection. Nothing here takes a body, or long."""

IDLE_GRACE: Final = 1.0
"""Seconds that an idle connection has for another request when another server takes this one's place."""


class AdminServer:
    """Serves the admin application. It is a component, to the connections.

    :param app: what answers.
    :param listeners: where it listens; :func:`read_listeners` makes them of a setting.
    """

    def __init__(self, app: AdminApplication, listeners: Listeners) -> None:
        self.app = app
        self.server = Server(LIMITS)
        self.entrance = Entrance(listeners, create_backends(["httptools"], {}), LIMITS)
        """Where it listens."""
        self.has_begun = False
        """Whether it answers, or has."""
        self._is_leaving = False

    async def open(self) -> None:
        """Listen. It is called in the supervisor's loop.

        :raises ListenError: if the address cannot be listened on.
        """
        await self.entrance.open()
        self.entrance.prepare(self, Context())

    async def serve(self) -> None:
        """Begin to answer."""
        self.has_begun = True
        self.entrance.listeners.own()
        self.server.start()
        await self.entrance.acceptor.start()

    async def leave(self, kept: Collection[str]) -> None:
        """Accept nobody any more: another server does, which has taken over the sockets.

        :param kept: the names of those that it has.
        """
        self._is_leaving = True
        names = [socket_name(sock) for some in self.entrance.opened for sock in some]
        self.entrance.listeners.leave(self.entrance.opened, kept)
        await self.entrance.acceptor.close(leave=True, gone=[name for name in names if name not in kept])
        await self.server.retire(IDLE_GRACE)

    async def stop(self) -> None:
        """Answer what has been asked, and close."""
        if not self._is_leaving:
            self.entrance.listeners.remove()
            await self.entrance.acceptor.close()
        await self.server.stop(asyncio.Event())


def read_listeners(admin: Any) -> Listeners:
    """Return where an admin server listens.

    :param admin: the setting: as ``bind`` has it.
    :raises ConfigurationError: if it is no such thing.
    """
    return Listeners.from_settings({"admin": admin}, name="admin")
