"""HTTP semantics on any wire (RFC 9110), as pure functions."""
