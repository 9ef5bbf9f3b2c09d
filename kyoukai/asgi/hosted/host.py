"""What hosts an application, as who answers a request of it sees that."""

from typing import TYPE_CHECKING, Any, Protocol

from kyoukai.core.exchange.exchange import Exchange

from .http import HTTPCall

if TYPE_CHECKING:
    from kyoukai.websocket import WebSocketSettings


class Host(Protocol):
    """What hosts an application: see :class:`~.application.ASGIApplication`."""

    @property
    def application(self) -> Any:
        """The application."""

    @property
    def websocket(self) -> "WebSocketSettings | None":
        """The settings of its WebSockets; ``None``: the library that they need is missing."""

    @property
    def going_on(self) -> "set[HTTPCall]":
        """The calls that go on behind their answers."""

    def make_scope(self, exchange: Exchange) -> dict[str, Any]:
        """Return the scope of a request by HTTP."""
