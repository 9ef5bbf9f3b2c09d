"""What HTTP/2 costs, ours beside others': ``python -m benchmarks.http2``."""
