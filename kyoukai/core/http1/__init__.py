"""HTTP/1.1 as a byte stream (RFC 9112), on top of the storey shared by every wire."""
