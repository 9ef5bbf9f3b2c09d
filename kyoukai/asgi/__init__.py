"""ASGI 3: applications of that interface, hosted on every wire."""

from .hosted.application import ASGIApplication

__all__ = ("ASGIApplication",)
