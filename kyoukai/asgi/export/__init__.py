"""Exporting Kyoukai applications to ASGI 3 servers."""
