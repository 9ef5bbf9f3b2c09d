"""ASGI 3: hosting its applications on every wire, and exporting Kyoukai's to its servers.

:class:`ASGIApplication` hosts an application. ``app.asgi`` exports an application of
    :class:`~kyoukai.Kyoukai`.
:class:`ASGIExport` exports any other application of the contract, or a tree of components.
"""

from .export.application import ASGIExport
from .hosted.application import ASGIApplication

__all__ = ("ASGIApplication", "ASGIExport")
