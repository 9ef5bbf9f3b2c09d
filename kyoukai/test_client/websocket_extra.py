"""Imports for WebSockets, which other requests do not need."""

from typing import TYPE_CHECKING

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.extras import extra_command

if TYPE_CHECKING:
    from .websocket import ClientWebSocket
    from .websocket_connection import ClientConnection


def load_websockets() -> "tuple[type[ClientConnection], type[ClientWebSocket]]":
    """Return the classes of a test's WebSocket: the connection, and the interface for tests.

    :raises ConfigurationError: if the library ``websockets`` is missing.
    """
    try:
        from .websocket import ClientWebSocket
        from .websocket_connection import ClientConnection
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] != "websockets":
            raise
        needed = f"a WebSocket needs the library websockets: {extra_command('websocket')}"
        raise ConfigurationError(needed) from exc
    return ClientConnection, ClientWebSocket
