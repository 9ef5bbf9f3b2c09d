"""What is started: the history, the rooms, and last the server."""

from typing import Any

from asphalt.core import Component, Context

from kyoukai import KyoukaiComponent

from .history import History
from .rooms import Rooms
from .site import app


class ChatComponent(Component):
    """The root component.

    :param history: the file of the database; it is made, if it is not there, and so is its folder.
    :param server: settings of the server.
    """

    def __init__(self, history: str, server: dict[str, Any] | None = None) -> None:
        self.history = History(history)
        self.server = KyoukaiComponent(app, **(server or {}))

    async def start(self, ctx: Context) -> None:
        await self.history.open()
        ctx.add_teardown_callback(self.history.close)
        ctx.add_resource(Rooms(self.history))
        # Last: it is what is stopped first, and whoever is in a room at a stop still has the history.
        await self.server.start(ctx)
