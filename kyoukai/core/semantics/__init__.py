"""What HTTP means, whatever the wire (RFC 9110): decided by pure functions."""
