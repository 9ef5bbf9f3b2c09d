"""Decides when to ping a client, and when to give it up."""

import enum

from kyoukai.core.serving.server_state import NEVER


class Step(enum.Enum):
    """The step to take."""

    NOTHING = "nothing"
    PING = "ping"
    GIVE_UP = "give up"


class Presence:
    """The presence of one client.

    :param interval: seconds without a byte before a ping is sent; ``None``: no pings.
    :param timeout: seconds that the client then has to send a byte.
    :param now: the time in seconds, as all times here.
    """

    __slots__ = ("_held", "_interval", "_pinged", "_timeout", "heard")

    def __init__(self, interval: float | None, timeout: float, now: float) -> None:
        self._interval = NEVER if interval is None else interval
        self._timeout = timeout
        self._pinged = NEVER
        self._held = NEVER
        self.heard = now
        """The time of its last byte."""

    def decide(self, now: float, *, is_held: bool) -> Step:
        """Return the step to take.

        :param is_held: whether reading pauses, so that a pong may be unread. Pings are sent all the same:
            writing fails if the client is gone.
        """
        if is_held:
            self._held = now
        elif self._held != NEVER:
            self.heard, self._pinged, self._held = self._held, NEVER, NEVER
        is_asked = self._pinged != NEVER and self._pinged > self.heard
        since = self._pinged if is_asked else self.heard
        if is_asked and not is_held:
            return Step.GIVE_UP if now - since >= self._timeout else Step.NOTHING
        if now - since < self._interval:
            return Step.NOTHING
        self._pinged = now
        return Step.PING
