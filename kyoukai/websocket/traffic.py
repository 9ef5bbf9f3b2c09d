"""What one WebSocket has carried."""

from kyoukai.core.serving.observing import TunnelEnd


class Traffic:
    """Counts. Sizes are bytes of data frames with their heads, as they are sent."""

    __slots__ = ("received", "received_size", "sent", "sent_size")

    def __init__(self) -> None:
        self.received = self.sent = 0
        """Messages."""
        self.received_size = self.sent_size = 0

    def end(self, code: int) -> TunnelEnd:
        """Return what is told of the end.

        :param code: what it was closed with.
        """
        return TunnelEnd("websocket", code, self.received, self.sent, self.received_size, self.sent_size)
