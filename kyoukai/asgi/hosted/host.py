"""The host of an application, as the calls see it."""

from typing import TYPE_CHECKING, Any, Protocol

from kyoukai.core.exchange.exchange import Exchange

from .http import HTTPCall

if TYPE_CHECKING:
    from kyoukai.websocket import WebSocketSettings


class Host(Protocol):
    """The part of a host that calls use: see :class:`~.application.ASGIApplication`."""

    @property
    def application(self) -> Any:
        """The application."""

    @property
    def websocket(self) -> "WebSocketSettings | None":
        """The settings of its WebSockets, or ``None`` if the library for WebSockets is missing."""

    @property
    def going_on(self) -> "set[HTTPCall]":
        """Calls that still run after their answer."""

    def make_scope(self, exchange: Exchange) -> dict[str, Any]:
        """Return the scope of an HTTP request."""
