"""What a client may cost without asking for anything: frames of each kind are counted against a budget.

A flood is frames that are cheap to send and dear to receive: streams opened and reset (CVE-2023-44487), pings
and settings, which each want an answer, frames without content, heads without end. Whoever has spent a
budget is told ENHANCE_YOUR_CALM, and the connection ends.
"""

from typing import Final, NamedTuple

from h2.errors import ErrorCodes

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
"""The types of frames (RFC 9113 section 6)."""

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4

EARNED_BY_STREAM: Final = 20
"""Frames that do not count, for each stream: clients may send a PRIORITY and two updates with each."""

FIELDS_A_FRAME: Final = 20
"""Fields that count as much as a frame that carries nothing."""

EARNED_BY_DATA: Final = 10
"""Likewise for each DATA frame, either way: who takes much content returns many windows. Envoy's figure."""


class WireError(Exception):
    """A client has done what ends its connection, besides what the library finds."""

    code = ErrorCodes.PROTOCOL_ERROR
    identifier = "http2-frame-malformed"
    """Its entry in the table of refusals."""


class FloodError(WireError):
    """A client has spent a budget."""

    code = ErrorCodes.ENHANCE_YOUR_CALM
    identifier = "http2-flood"


class FloodLimits(NamedTuple):
    """How many frames of a kind may come at once, beyond what each second gives back."""

    resets: int = 500
    pings: int = 1000
    settings: int = 100
    empty_frames: int = 100
    overhead_frames: int = 1000
    continuations: int = 8


class Budget:
    """So many of one kind, and some more with each second.

    :param name: what is counted, for the log.
    :param size: how many may come at once.
    :param rate: how many more each second.
    :param now: in seconds.
    """

    __slots__ = ("name", "rate", "since", "size", "spent")

    def __init__(self, name: str, size: int, rate: float, now: float) -> None:
        self.name = name
        self.size = size
        self.rate = rate
        self.since = now
        self.spent = 0.0

    def spend(self, now: float, count: int = 1) -> None:
        """Count one, or more.

        :raises FloodError: if it is one too many.
        """
        self.spent += count
        if self.spent > self.size:
            # What the seconds have given back is only looked at when it is needed.
            self.spent = max(float(count), self.spent - (now - self.since) * self.rate)
            self.since = now
            if self.spent > self.size:
                raise FloodError(f"too many {self.name}")

    def earn(self, count: int) -> None:
        """Take back so many."""
        if self.spent:
            self.spent = max(0.0, self.spent - count)


class Floods:
    """The budgets of one connection.

    :param limits: their sizes.
    :param now: in seconds; likewise the parameters of this name below.
    """

    __slots__ = ("continuations", "empty", "limits", "overhead", "pings", "resets", "settings")

    def __init__(self, limits: FloodLimits, now: float) -> None:
        self.limits = limits
        # nghttp2 gives back 33 resets a second; of the others, none that is no attack comes near.
        self.resets = Budget("streams that were reset", limits.resets, 33, now)
        self.pings = Budget("pings", limits.pings, 100, now)
        self.settings = Budget("settings", limits.settings, 10, now)
        self.empty = Budget("empty frames", limits.empty_frames, 10, now)
        self.overhead = Budget("frames that carry nothing", limits.overhead_frames, 100, now)
        self.continuations = 0
        """Frames of the head that is coming, behind its first."""

    def note(self, kind: int, flags: int, size: int, now: float, is_stray: bool = False) -> None:
        """Count a frame, before it is read.

        :param kind: its type.
        :param size: bytes of its payload.
        :param is_stray: whether it is for a stream that is at its end.
        :raises FloodError: if it is one too many.
        """
        if is_stray:
            self.overhead.spend(now)
        elif kind == DATA:
            if size:
                self.pings.earn(EARNED_BY_DATA)
                self.overhead.earn(EARNED_BY_DATA)
            elif not flags & END_STREAM:
                self.empty.spend(now)
        elif kind == HEADERS:
            self.continuations = 0
            self.overhead.earn(EARNED_BY_STREAM)
            self.pings.earn(1)
        elif kind == CONTINUATION:
            self.continuations += 1
            if self.continuations > self.limits.continuations:
                raise FloodError("too many CONTINUATION frames")
        elif kind == RST_STREAM:
            self.resets.spend(now)
        elif kind == PING:
            self.pings.spend(now)
        elif kind == SETTINGS:
            self.settings.spend(now)
        else:
            self.overhead.spend(now)

    def note_fields(self, count: int, now: float) -> None:
        """Count the fields of a head beyond what heads may have.

        A cookie of one byte is four on the wire, and to decode it costs as much as any field. The head of a
        request earns what :data:`FIELDS_A_FRAME` times :data:`EARNED_BY_STREAM` of them cost.

        :raises FloodError: if they are too many.
        """
        if count >= FIELDS_A_FRAME:
            self.overhead.spend(now, count // FIELDS_A_FRAME)

    def note_answered(self) -> None:
        """Count an answer that the client has: who takes most of them may take some requests back."""
        self.resets.earn(1)

    def note_sent(self, frames: int) -> None:
        """Count DATA frames that were sent: each may be answered by updates of windows."""
        self.overhead.earn(frames * EARNED_BY_DATA)
        self.pings.earn(frames)
