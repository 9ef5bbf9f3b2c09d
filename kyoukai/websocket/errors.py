"""Exceptions for the end of a WebSocket, and for a message of the wrong kind."""

from .frame_writer import close_payload


class WebSocketClosed(ConnectionResetError):
    """The WebSocket is closed: no more messages can be received or sent.

    :param code: the close code (RFC 6455 section 7.4): 1005 for a close without a code, 1006 if the
        connection was lost without a close.
    :param reason: the close reason.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason

    def anew(self) -> "WebSocketClosed":
        """Return a copy without a traceback."""
        return WebSocketClosed(self.code, self.reason)


class UnfitMessage(ValueError):
    """A client sent a message of another kind than its handler asked for.

    A handler may catch it and continue. Otherwise the WebSocket is closed, and the log gets one line.

    :param code: the close code (RFC 6455 section 7.4.1): 1003 for bytes instead of text or the reverse, 1007
        for invalid JSON.
    :param reason: the close reason: at most 123 bytes of UTF-8.
    :raises ValueError: if the code is not allowed in a close, or the reason is longer.
    """

    def __init__(self, code: int, reason: str) -> None:
        close_payload(code, reason)
        super().__init__(reason)
        self.code = code
        self.reason = reason
