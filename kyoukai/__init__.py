"""Kyoukai: an asyncio HTTP/1.1 server whose way of speaking HTTP is a backend chosen by name."""
