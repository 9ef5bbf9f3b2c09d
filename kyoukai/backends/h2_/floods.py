"""Protection from floods: frames of each kind count against a budget.

A flood consists of frames that are cheap to send and expensive to receive: streams opened and reset
(CVE-2023-44487), pings and settings, which each require an answer, frames without content, endless heads. A
client that exceeds a budget gets ENHANCE_YOUR_CALM, and the connection ends.
"""

from typing import Final, NamedTuple

from h2.errors import ErrorCodes

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
"""Frame types (RFC 9113 section 6)."""

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4

EARNED_BY_STREAM: Final = 20
"""Overhead frames earned by each stream: clients may send a PRIORITY and two updates with each."""

FIELDS_A_FRAME: Final = 20
"""Number of surplus fields that cost as much as one overhead frame."""

EARNED_BY_DATA: Final = 10
"""Overhead frames earned by each DATA frame in either direction. Envoy's figure."""


class WireError(Exception):
    """A fault of the client that ends the connection and that the library does not detect."""

    code = ErrorCodes.PROTOCOL_ERROR
    identifier = "http2-frame-malformed"
    """Identifier of the entry in the table of refusals."""


class FloodError(WireError):
    """A client has exceeded a budget."""

    code = ErrorCodes.ENHANCE_YOUR_CALM
    identifier = "http2-flood"


class FloodLimits(NamedTuple):
    """Number of frames of each kind that may arrive at once, in addition to the rate per second."""

    resets: int = 500
    pings: int = 1000
    settings: int = 100
    empty_frames: int = 100
    overhead_frames: int = 1000
    continuations: int = 8


class Budget:
    """A budget for one kind of event, refilled over time.

    :param name: the counted events, for the log.
    :param size: number of events that may arrive at once.
    :param rate: refilled events per second.
    :param now: current time in seconds.
    """

    __slots__ = ("name", "rate", "since", "size", "spent")

    def __init__(self, name: str, size: int, rate: float, now: float) -> None:
        self.name = name
        self.size = size
        self.rate = rate
        self.since = now
        self.spent = 0.0

    def spend(self, now: float, count: int = 1) -> None:
        """Count one or more events.

        :raises FloodError: if the budget is exceeded.
        """
        self.spent += count
        if self.spent > self.size:
            # The refill is computed only when the budget seems exceeded.
            self.spent = max(float(count), self.spent - (now - self.since) * self.rate)
            self.since = now
            if self.spent > self.size:
                raise FloodError(f"too many {self.name}")

    def earn(self, count: int) -> None:
        """Refill the budget by ``count``."""
        if self.spent:
            self.spent = max(0.0, self.spent - count)


class Floods:
    """The budgets of one connection.

    :param limits: sizes of the budgets.
    :param now: current time in seconds, as in the methods below.
    """

    __slots__ = ("continuations", "empty", "limits", "overhead", "pings", "resets", "settings")

    def __init__(self, limits: FloodLimits, now: float) -> None:
        self.limits = limits
        # 33 resets a second is nghttp2's figure. Legitimate clients stay far below the other rates.
        self.resets = Budget("streams that were reset", limits.resets, 33, now)
        self.pings = Budget("pings", limits.pings, 100, now)
        self.settings = Budget("settings", limits.settings, 10, now)
        self.empty = Budget("empty frames", limits.empty_frames, 10, now)
        self.overhead = Budget("frames that carry nothing", limits.overhead_frames, 100, now)
        self.continuations = 0
        """CONTINUATION frames of the current head."""

    def note(self, kind: int, flags: int, size: int, now: float, is_stray: bool = False) -> None:
        """Count a frame before it is read.

        :param kind: the frame's type.
        :param size: bytes of the frame's payload.
        :param is_stray: whether the frame is for a stream that has ended.
        :raises FloodError: if the frame exceeds a budget.
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
        """Count the fields of a head beyond the limit of fields.

        A cookie of one byte takes four bytes on the wire, and decoding it costs as much as any field. The
        head of a request earns :data:`FIELDS_A_FRAME` times :data:`EARNED_BY_STREAM` surplus fields.

        :raises FloodError: if the fields exceed the budget.
        """
        if count >= FIELDS_A_FRAME:
            self.overhead.spend(now, count // FIELDS_A_FRAME)

    def note_answered(self) -> None:
        """Count a completed answer: each one lets the client reset one more stream."""
        self.resets.earn(1)

    def note_sent(self, frames: int) -> None:
        """Count sent DATA frames: the client may answer each with window updates."""
        self.overhead.earn(frames * EARNED_BY_DATA)
        self.pings.earn(frames)
