"""What is raised where a WebSocket is at its end, or a message is not what a handler asked for."""

from .frame_writer import close_payload


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


class UnfitMessage(ValueError):
    """A client has sent a message of another kind than its handler asked for.

    A handler may catch it, and go on. Where none does, the WebSocket is closed, and the log has one line.

    :param code: what it is closed with then (RFC 6455 section 7.4.1): 1003 for bytes in the place of a text,
        or a text in the place of bytes; 1007 for what is no JSON.
    :param reason: what the close says besides: at most 123 bytes of UTF-8.
    :raises ValueError: if it is no code that a close may have, or the reason is longer.
    """

    def __init__(self, code: int, reason: str) -> None:
        close_payload(code, reason)
        super().__init__(reason)
        self.code = code
        self.reason = reason
