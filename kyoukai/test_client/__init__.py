"""Clients for the tests of an application: one in its process, one by a socket, with one interface.

``app.test_client()`` and ``app.live_client()`` make them, and the fixture ``kyoukai_client`` makes one for
tests that are plain functions. They need nothing but what Kyoukai needs.
"""

from .blocking import BlockingClient
from .client import Client
from .in_process import InProcessClient
from .live import LiveClient
from .refusals import WebSocketRefused

__all__ = ("BlockingClient", "Client", "InProcessClient", "LiveClient", "WebSocketRefused")
