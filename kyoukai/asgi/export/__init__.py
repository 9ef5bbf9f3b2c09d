"""Applications of Kyoukai's contract, exported to the servers of ASGI 3."""
