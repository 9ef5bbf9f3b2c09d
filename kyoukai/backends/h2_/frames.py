"""Where frames begin and end, and what they are, before the library reads them.

The library keeps a frame until it is whole, however large it is, and hands on what it has read when it has
read all that there is. So what it gets is looked at before: frames are counted, one that is too large ends
the connection with its head, and a turn of the loop reads so many frames and no more.
"""

from collections.abc import Container
from typing import Final

from h2.errors import ErrorCodes

from .floods import ACK, CONTINUATION, END_HEADERS, GOAWAY, HEADERS, SETTINGS, Floods, WireError

HEAD_SIZE: Final = 9
"""Bytes of a frame's head (RFC 9113 section 4.1)."""

TURN_FRAMES: Final = 128
"""Frames read in one turn of the loop: some 10 ms, where each is the head of a request."""


class FrameSizeError(WireError):
    """A frame is larger than it may be (section 4.2)."""

    code = ErrorCodes.FRAME_SIZE_ERROR


class FirstFrameError(WireError):
    """The first frame is not the one that it must be (section 3.4)."""


class FrameScanner:
    """Takes what comes, and gives it on frame by frame.

    :param floods: what counts the frames.
    :param max_size: the largest payload, as our settings say.
    :param streams: the identifiers of the streams that are under way.
    """

    __slots__ = (
        "floods",
        "highest",
        "is_begun",
        "is_leaving",
        "kind",
        "left",
        "max_size",
        "open_head",
        "settled",
        "streams",
        "unread",
        "wanted",
    )

    def __init__(self, floods: Floods, max_size: int, streams: Container[int] = ()) -> None:
        self.floods = floods
        self.max_size = max_size
        self.streams = streams
        self.highest = 0
        """The last stream that has begun."""
        self.settled = 0
        """The last one that :attr:`streams` can have."""
        self.left = 0
        """Bytes of a frame that are still to come."""
        self.kind = 0
        """Its type."""
        self.wanted = True
        """Whether they are for the library."""
        self.open_head = False
        """Whether a head is not whole: nothing else may come before it is (section 4.3)."""
        self.is_begun = False
        """Whether the client's settings have come, which are first of all."""
        self.is_leaving = False
        """Whether the client has said GOAWAY."""
        self.unread = b""
        """What has come and is for another turn, or is less than a frame's head."""

    @property
    def is_within_head(self) -> bool:
        """Whether what has come ends within the head of a request, or of a frame."""
        return self.open_head or bool(self.unread) or (self.left > 0 and self.kind in (HEADERS, CONTINUATION))

    def take(self, data: bytes, now: float) -> tuple[bytes, bool]:
        """Return what of it is for the library now, and whether more is for the next turn.

        :param data: what has come.
        :raises FloodError: if frames come that are too many.
        :raises FrameSizeError: if one is too large.
        :raises FirstFrameError: if the first has no settings.
        """
        if self.unread:
            data, self.unread = self.unread + data, b""
        size = len(data)
        self.settled = self.highest
        kept: list[bytes] = []
        position = self.left
        # Behind what is left of a GOAWAY, if there is such.
        begin = 0 if self.wanted else position
        for _ in range(TURN_FRAMES):
            if position > size - HEAD_SIZE:
                break
            end = position + HEAD_SIZE + (data[position] << 16 | data[position + 1] << 8 | data[position + 2])
            if self._is_dropped(data, position, end, now):
                kept.append(data[begin:position])
                begin = end
            position = end
        self.left = max(0, position - size)
        stop = min(position, size)
        self.unread = data[stop:]
        if kept or begin or stop < size:
            self.wanted = begin <= stop
            kept.append(data[begin:stop])
            data = b"".join(kept)
        return data, size - stop >= HEAD_SIZE

    def _is_dropped(self, data: bytes, position: int, end: int, now: float) -> bool:
        """Note a frame, and return whether it is kept from the library."""
        self.kind = kind = data[position + 3]
        flags, size = data[position + 4], end - position - HEAD_SIZE
        if size > self.max_size:
            raise FrameSizeError(f"a frame of {size} bytes")
        if not self.is_begun:
            # Section 3.4: they may be empty, and nothing may be before them.
            if kind != SETTINGS or flags & ACK:
                raise FirstFrameError("the first frame has no settings")
            self.is_begun = True
        stream = int.from_bytes(data[position + 5 : position + HEAD_SIZE], "big")
        is_stray = 0 < stream <= self.settled and stream not in self.streams and kind != CONTINUATION
        self.floods.note(kind, flags, size, now, is_stray)
        if kind == HEADERS and stream > self.highest:
            self.highest = stream
        if kind in (HEADERS, CONTINUATION):
            self.open_head = not flags & END_HEADERS
        elif kind == GOAWAY and size >= 8 and stream == 0:
            # Section 6.8: the client begins no more streams. For the library it would be the end, and of
            # the answers that are still to come, too.
            self.is_leaving = True
            return True
        return False
