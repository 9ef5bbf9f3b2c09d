"""What WebSockets cost, ours beside others': ``python -m benchmarks.sockets``."""
