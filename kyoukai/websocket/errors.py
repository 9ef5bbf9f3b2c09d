"""What is raised where a WebSocket is at its end."""


class WebSocketClosed(ConnectionResetError):
    """The WebSocket is closed, so that nothing comes, or nothing can be sent.

    :param code: what it was closed with (RFC 6455 section 7.4): 1005 where the close said none, 1006 where
        the connection was lost without one.
    :param reason: what the close said besides.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason

    def anew(self) -> "WebSocketClosed":
        """Return another one that says the same, and has no traceback."""
        return WebSocketClosed(self.code, self.reason)
