"""ASGI 3, both ways: applications of that interface on every wire, and Kyoukai's on other servers.

:class:`ASGIApplication` hosts one. ``app.asgi`` is an application of :class:`~kyoukai.Kyoukai` as a server of
ASGI calls it; :class:`ASGIExport` makes one of any other of the contract, and of a tree of components.
"""

from .export.application import ASGIExport
from .hosted.application import ASGIApplication

__all__ = ("ASGIApplication", "ASGIExport")
