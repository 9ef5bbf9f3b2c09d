"""Whether a client is there still: when to ask it, and when to give it up."""

import enum

from kyoukai.core.serving.server_state import NEVER


class Step(enum.Enum):
    """What is to be done."""

    NOTHING = "nothing"
    PING = "ping"
    GIVE_UP = "give up"


class Presence:
    """What is known of one client.

    :param interval: seconds without a byte after which it is asked; ``None``: it is never.
    :param timeout: seconds that it has to send one then.
    :param now: seconds, as all times here.
    """

    __slots__ = ("_held", "_interval", "_pinged", "_timeout", "heard")

    def __init__(self, interval: float | None, timeout: float, now: float) -> None:
        self._interval = NEVER if interval is None else interval
        self._timeout = timeout
        self._pinged = NEVER
        self._held = NEVER
        self.heard = now
        """When it last sent something."""

    def decide(self, now: float, *, is_held: bool) -> Step:
        """Return what is to be done.

        :param is_held: whether nothing is read from it, so that an answer may lie unread. It is asked all the
            same: where it is gone, that cannot be written.
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
