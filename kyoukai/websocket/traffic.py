"""Counts the traffic of one WebSocket."""

from kyoukai.core.serving.observing import TunnelEnd


class Traffic:
    """Counters. Sizes are bytes of data frames with their heads, as sent."""

    __slots__ = ("received", "received_size", "sent", "sent_size")

    def __init__(self) -> None:
        self.received = self.sent = 0
        """Messages."""
        self.received_size = self.sent_size = 0

    def end(self, code: int) -> TunnelEnd:
        """Return the report for observers at the end.

        :param code: the close code.
        """
        return TunnelEnd("websocket", code, self.received, self.sent, self.received_size, self.sent_size)
