"""WSGI (PEP 3333), both ways: its applications, each request in a thread, and Kyoukai's on its servers."""

from .application import WSGIApplication
from .export.application import WSGIExport

__all__ = ("WSGIApplication", "WSGIExport")
