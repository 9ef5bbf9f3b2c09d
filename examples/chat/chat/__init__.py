"""A chat over WebSocket: rooms, their visitors and their recent messages."""

from .component import ChatComponent

__all__ = ("ChatComponent",)
