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

    __slots__ = ("_interval", "_pinged", "_timeout", "heard")

    def __init__(self, interval: float | None, timeout: float, now: float) -> None:
        self._interval = NEVER if interval is None else interval
        self._timeout = timeout
        self._pinged = NEVER
        self.heard = now
        """When it last sent something."""

    def decide(self, now: float, *, is_held: bool) -> Step:
        """Return what is to be done.

        :param is_held: whether nothing is read from it, so that an answer may lie unread.
        """
        if is_held:
            self.heard, self._pinged = now, NEVER
        elif self._pinged == NEVER or self._pinged <= self.heard:
            if now - self.heard >= self._interval:
                self._pinged = now
                return Step.PING
            self._pinged = NEVER
        elif now - self._pinged >= self._timeout:
            return Step.GIVE_UP
        return Step.NOTHING
