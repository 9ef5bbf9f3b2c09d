"""WSGI (PEP 3333): hosting its applications in threads, and exporting Kyoukai's to its servers."""

from .application import WSGIApplication
from .export.application import WSGIExport

__all__ = ("WSGIApplication", "WSGIExport")
