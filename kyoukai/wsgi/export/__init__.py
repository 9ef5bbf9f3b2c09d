"""Exporting Kyoukai applications to WSGI servers."""
