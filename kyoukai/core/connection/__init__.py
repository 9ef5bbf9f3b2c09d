"""The transport's side of a connection: bytes, flow control, deadlines, and its end."""
