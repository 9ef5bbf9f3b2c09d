"""What clients may send: the window of a connection, for the content of all its requests.

Section numbers are those of RFC 9113.
"""

from h2.errors import ErrorCodes

from .floods import WireError


class WindowError(WireError):
    """Content has come for which a window has no room (section 6.9.1)."""

    code = ErrorCodes.FLOW_CONTROL_ERROR
    identifier = "http2-window-exceeded"


class ReceiveWindow:
    """The window of a connection.

    :param size: in bytes.
    """

    __slots__ = ("left", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = size
        """Bytes that the client may still send."""

    def take(self, size: int) -> int:
        """Note bytes that have come, and return how many the client is to be granted anew.

        That is none until half of the window is used: each time costs a frame.

        :raises WindowError: if there was no room for them.
        """
        self.left -= size
        if self.left < 0:
            raise WindowError("more content than the window of the connection has room for")
        taken = self.size - self.left
        if taken < self.size // 2:
            return 0
        self.left = self.size
        return taken
