"""WebSockets (RFC 6455), over a tunnel of any wire. They need the extra ``kyoukai[websocket]``."""

from .errors import UnfitMessage, WebSocketClosed
from .settings import WebSocketSettings
from .websocket import WebSocket, broadcast

__all__ = ["UnfitMessage", "WebSocket", "WebSocketClosed", "WebSocketSettings", "broadcast"]
