"""The receive window of a connection, shared by the content of all its requests.

Section numbers are those of RFC 9113.
"""

from h2.errors import ErrorCodes

from .floods import WireError


class WindowError(WireError):
    """Content exceeds a window (section 6.9.1)."""

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
        """Count received bytes, and return by how many to reopen the window.

        The result is 0 until half of the window is used, since each update costs a frame.

        :raises WindowError: if the bytes exceed the window.
        """
        self.left -= size
        if self.left < 0:
            raise WindowError("more content than the window of the connection has room for")
        taken = self.size - self.left
        if taken < self.size // 2:
            return 0
        self.left = self.size
        return taken
