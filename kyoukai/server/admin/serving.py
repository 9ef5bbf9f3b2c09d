"""Serve the admin application in the supervisor's own loop, with Kyoukai itself."""

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
"""Limits of the admin server. A scraper may keep its connection; no page takes a body or a long time."""

IDLE_GRACE: Final = 1.0
"""Seconds that an idle connection may still send a request when another server takes over."""


class AdminServer:
    """Serves the admin application. For the connections, it is the component.

    :param app: the application.
    :param listeners: where to listen; :func:`read_listeners` creates them from the setting.
    """

    def __init__(self, app: AdminApplication, listeners: Listeners) -> None:
        self.app = app
        self.server = Server(LIMITS)
        self.entrance = Entrance(listeners, create_backends(["httptools"], {}), LIMITS)
        """Where it listens."""
        self.has_begun = False
        """Whether it has begun to answer."""
        self._is_leaving = False

    async def open(self) -> None:
        """Listen. Call this in the supervisor's loop.

        :raises ListenError: if an address cannot be listened on.
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
        """Stop accepting: another server has taken over sockets.

        :param kept: names of the sockets that it took over.
        """
        self._is_leaving = True
        names = [socket_name(sock) for some in self.entrance.opened for sock in some]
        self.entrance.listeners.leave(self.entrance.opened, kept)
        await self.entrance.acceptor.close(leave=True, gone=[name for name in names if name not in kept])
        await self.server.retire(IDLE_GRACE)

    async def stop(self) -> None:
        """Finish the requests in progress, and close."""
        if not self._is_leaving:
            self.entrance.listeners.remove()
            await self.entrance.acceptor.close()
        await self.server.stop(asyncio.Event())


def read_listeners(admin: Any) -> Listeners:
    """Return the listeners of an admin server.

    :param admin: the ``admin`` setting, in the form of ``bind``.
    :raises ConfigurationError: if it is invalid.
    """
    return Listeners.from_settings({"admin": admin}, name="admin")
