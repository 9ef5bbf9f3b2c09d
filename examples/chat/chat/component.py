"""The root component: starts the history, the rooms, and last the server."""

from typing import Any

from asphalt.core import Component, Context

from kyoukai import KyoukaiComponent

from .history import History
from .rooms import Rooms
from .site import app


class ChatComponent(Component):
    """The root component.

    :param history: the file of the database; it and its folder are created if they do not exist.
    :param server: settings of the server.
    """

    def __init__(self, history: str, server: dict[str, Any] | None = None) -> None:
        self.history = History(history)
        self.server = KyoukaiComponent(app, **(server or {}))

    async def start(self, ctx: Context) -> None:
        await self.history.open()
        ctx.add_teardown_callback(self.history.close)
        ctx.add_resource(Rooms(self.history))
        # Started last, so stopped first: visitors still have the history during a stop.
        await self.server.start(ctx)
