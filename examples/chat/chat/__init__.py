"""A chat: rooms, who is in them, and what was said last, by WebSocket."""

from .component import ChatComponent

__all__ = ("ChatComponent",)
