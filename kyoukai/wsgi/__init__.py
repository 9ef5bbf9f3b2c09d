"""Applications of WSGI (PEP 3333), served: each request in a thread."""

from .application import WSGIApplication

__all__ = ("WSGIApplication",)
