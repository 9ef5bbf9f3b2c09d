"""How a connection ends in good order: no request is lost (RFC 9113 section 6.8).

First the client is told that it should begin no more streams, and pinged. What it answers says that it knows;
what it has begun until then is served. Then it is told which stream is the last, and may ask for what it
begins all the same by another connection. After the last answer, the connection ends.
"""

import math
from typing import Any, Final

ANY_STREAM: Final = 2**31 - 1
"""The last stream of a GOAWAY, where one with the real number follows."""

LAST_PING: Final = b"kyoukai\0"

PATIENCE: Final = 1.0
"""Seconds that the answer to the ping may take."""

FAREWELL: Final = 0.25
"""Seconds that a client by TLS has to read why its connection ends (RFC 9113 section 5.4.1)."""


class Leaving:
    """The end of one connection.

    :param owner: the connection.
    """

    __slots__ = ("deadline", "has_failed", "last_stream_id", "owner")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.deadline = math.inf
        """When to say which stream is the last, where the client does not answer."""
        self.last_stream_id: int | None = None
        """The last stream that is served, once that has been said."""
        self.has_failed = False
        """Whether nothing is owed to the client any more."""

    @property
    def is_agreed(self) -> bool:
        """Whether the connection ends after the last answer: one of both sides has said so."""
        owner = self.owner
        return self.last_stream_id is not None or owner.scanner.is_leaving or owner.client.has_ended

    def is_beyond(self, stream_id: int) -> bool:
        """Return whether a stream comes after the last one that is served."""
        return self.last_stream_id is not None and stream_id > self.last_stream_id

    def begin(self) -> None:
        """Tell the client to begin no more streams. It may be called again."""
        owner = self.owner
        if self.last_stream_id is None and self.deadline == math.inf:
            owner.engine.say_goodbye(last_stream_id=ANY_STREAM)
            owner.engine.ping(LAST_PING)
            self.deadline = owner.server.clock + PATIENCE
            owner.schedule()

    def note_ping(self, data: bytes) -> None:
        """Take note of a ping that is answered."""
        if data == LAST_PING and self.last_stream_id is None:
            self.finish()

    def finish(self) -> None:
        """Say which stream is the last, and end after it."""
        owner = self.owner
        self.deadline = math.inf
        self.last_stream_id = owner.engine.highest_inbound_stream_id
        owner.engine.say_goodbye()
        owner.schedule()

    def sweep(self, now: float) -> None:
        """Go on where the client has not answered in time."""
        if self.deadline <= now:
            self.finish()

    def hurry(self) -> None:
        """Have a connection that has failed wait no longer than it takes to read why."""
        owner = self.owner
        self.has_failed = True
        if owner.is_secure:
            # TLS cannot end one side, so that the client does not see the end before the connection's.
            owner.loop.call_later(FAREWELL, owner.close)

    def note_closed(self) -> None:
        """Have the end of a connection that has failed not wait until all that is written has gone."""
        owner = self.owner
        if self.has_failed:
            owner.deadline = owner.server.clock + owner.limits.linger_timeout
