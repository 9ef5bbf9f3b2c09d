"""Clients for testing an application, in-process or by sockets, with one interface.

``app.test_client()`` and ``app.live_client()`` make them. The fixture ``kyoukai_client`` makes a client for
tests that are plain functions. The clients need no further package.
"""

from .blocking import BlockingClient
from .client import Client
from .in_process import InProcessClient
from .live import LiveClient
from .refusals import WebSocketRefused

__all__ = ("BlockingClient", "Client", "InProcessClient", "LiveClient", "WebSocketRefused")
