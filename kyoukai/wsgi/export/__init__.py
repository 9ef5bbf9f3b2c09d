"""Applications of Kyoukai's contract, exported to the servers of WSGI."""
