"""The graceful end of a connection: no request is lost (RFC 9113 section 6.8).

A first GOAWAY asks the client to begin no more streams, and a ping follows it. The answer to the ping shows
that the client knows. Streams begun until then are served. A second GOAWAY names the last of these; the
client may retry later ones on another connection. After the last answer, the connection ends.
"""

import math
from typing import Any, Final

ANY_STREAM: Final = 2**31 - 1
"""Last stream in the first GOAWAY. A second GOAWAY follows with the real number."""

LAST_PING: Final = b"kyoukai\0"

PATIENCE: Final = 1.0
"""Seconds to wait for the answer to the ping."""

FAREWELL: Final = 0.25
"""Seconds for a TLS client to read why its connection ends (RFC 9113 section 5.4.1)."""


class Leaving:
    """The end of one connection.

    :param owner: the connection.
    """

    __slots__ = ("deadline", "ends_by", "last_stream_id", "owner")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.deadline = math.inf
        """Time to name the last stream if the client does not answer the ping."""
        self.last_stream_id: int | None = None
        """The last stream that is served, once announced."""
        self.ends_by = math.inf
        """Time to cut the connection off after an error."""

    @property
    def is_agreed(self) -> bool:
        """Whether the connection ends after the last answer, as the server or the client has announced."""
        owner = self.owner
        return self.last_stream_id is not None or owner.scanner.is_leaving or owner.client.has_ended

    def is_beyond(self, stream_id: int) -> bool:
        """Return whether a stream comes after the last served one."""
        return self.last_stream_id is not None and stream_id > self.last_stream_id

    def begin(self) -> None:
        """Ask the client to begin no more streams. Later calls do nothing."""
        owner = self.owner
        if self.last_stream_id is None and self.deadline == math.inf:
            owner.engine.say_goodbye(last_stream_id=ANY_STREAM)
            owner.engine.ping(LAST_PING)
            self.deadline = owner.server.clock + PATIENCE
            owner.schedule()

    def note_ping(self, data: bytes) -> None:
        """Handle the answer to a ping."""
        if data == LAST_PING and self.last_stream_id is None:
            self.finish()

    def finish(self) -> None:
        """Announce the last stream, and end after it."""
        owner = self.owner
        self.deadline = math.inf
        self.last_stream_id = owner.engine.highest_inbound_stream_id
        owner.engine.say_goodbye()
        owner.schedule()

    def sweep(self, now: float) -> None:
        """Continue if the client has not answered the ping in time, and end a failed connection in time."""
        if self.ends_by <= now:
            self.ends_by = math.inf
            self.owner.abort()
        elif self.deadline <= now and not self.owner.is_ending:
            self.finish()

    def hurry(self) -> None:
        """End a failed connection soon: leave the client only time to read the reason."""
        owner = self.owner
        self.ends_by = owner.server.clock + owner.limits.linger_timeout
        if owner.is_secure:
            # TLS cannot close one direction, so the client does not see the end until the connection closes.
            owner.loop.call_later(FAREWELL, owner.close)
