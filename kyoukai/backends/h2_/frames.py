"""Where frames begin and end, and what they are, before the library reads them.

The library keeps a frame until it is whole, however large it is, and hands on what it has read when it has
read all that there is. So what it gets is looked at before: frames are counted, one that is too large ends
the connection with its head, and a turn of the loop reads so many frames and no more.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from h2.errors import ErrorCodes

from .floods import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    SETTINGS,
    Floods,
    WireError,
)

if TYPE_CHECKING:
    from .exchange import H2Exchange

PADDED: Final = 0x8

LARGEST_STREAM: Final = 2**31 - 1

FRAME_HEAD: Final = struct.Struct(">IBI")
"""The head of a frame (section 4.1): three bytes of its size and one of its type; flags; the stream."""

HEAD_SIZE: Final = 9
"""Bytes of a frame's head (RFC 9113 section 4.1)."""

TURN_FRAMES: Final = 128
"""Frames read in one turn of the loop: some 10 ms, where each is the head of a request."""

HEAD_WEIGHT: Final = 128
"""Bytes of a frame without content that count as much as another frame."""


class FrameSizeError(WireError):
    """A frame is larger than it may be (section 4.2)."""

    code = ErrorCodes.FRAME_SIZE_ERROR
    identifier = "http2-frame-too-large"


class FirstFrameError(WireError):
    """The first frame is not the one that it must be (section 3.4)."""


class PaddingError(WireError):
    """A frame has more padding than there is room for (section 6.1)."""


class Content(NamedTuple):
    """A piece of a request's content."""

    exchange: "H2Exchange"
    data: bytes
    taken: int
    """Bytes of its frame, which the windows are to count, with the first piece; 0 with the others."""
    ends: bool
    """Whether its frame is the last of the stream."""


class ContentFrame:
    """A DATA frame of a stream that is under way (section 6.1).

    :param exchange: the stream's.
    :param data: what has come.
    :param start: where the frame's payload begins in that.
    :param end: where it ends, which may be still to come.
    :raises PaddingError: if it has more padding than there is room for.
    """

    __slots__ = ("ends", "exchange", "has_padding", "left")

    def __init__(self, exchange: "H2Exchange", data: bytes, start: int, end: int) -> None:
        flags = data[start - HEAD_SIZE + 4]
        self.exchange = exchange
        self.ends = bool(flags & END_STREAM)
        self.has_padding = bool(flags & PADDED)
        """Whether the first byte of the payload says how much of it is padding."""
        self.left = end - start
        """Bytes of content that are still to come."""
        if self.has_padding:
            self.left -= 1 + data[start]
            if self.left < 0:
                raise PaddingError("padding that is larger than its frame")


class FrameScanner:
    """Takes what comes, and gives it on frame by frame.

    :param floods: what counts the frames.
    :param max_size: the largest payload, as our settings say.
    :param streams: whose content goes past the library, as it comes. That keeps a frame until it is whole,
        copies it four times, and prints all of it for a log that nobody keeps.
    """

    __slots__ = (
        "content",
        "floods",
        "has_more",
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

    def __init__(self, floods: Floods, max_size: int, streams: "Mapping[int, H2Exchange]") -> None:
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
        self.has_more = False
        """Whether another turn can go on with that."""
        self.content: ContentFrame | None = None
        """The frame whose content is being handed on."""

    @property
    def is_within_head(self) -> bool:
        """Whether what has come ends within the head of a request, or of a frame."""
        return self.open_head or bool(self.unread) or (self.left > 0 and self.kind in (HEADERS, CONTINUATION))

    def take(self, data: bytes, now: float) -> Iterator[bytes | Content]:
        """Yield what is for the library, and content, in turn.

        Whoever takes one has acted on it when it asks for the next: what the library reads of a head says
        whose content follows. :attr:`has_more` says at the end whether there is more for the next turn.

        :param data: what has come.
        :raises FloodError: if frames come that are too many.
        :raises FrameSizeError: if one is too large.
        :raises FirstFrameError: if the first has no settings.
        :raises PaddingError: if padding is larger than its frame.
        """
        if self.unread:
            data, self.unread = self.unread + data, b""
        self.settled = self.highest
        size, begin, position, frames = len(data), 0, self.left, 0
        if position and not self.wanted:
            begin = min(position, size)
            if self.content is not None:
                yield from self._pass_on(self.content, data, 0, position, 0)
        while position <= size - HEAD_SIZE and frames < TURN_FRAMES:
            end = position + HEAD_SIZE + (data[position] << 16 | data[position + 1] << 8 | data[position + 2])
            content = None
            if data[position + 3] == DATA and not self.open_head:
                if begin < position:
                    yield data[begin:position]
                    begin = position
                exchange = self._find(data, position, end)
                if exchange is not None:
                    start = position + HEAD_SIZE
                    if data[position + 4] & PADDED and start == size:
                        # How much is padding is still to come.
                        break
                    content = ContentFrame(exchange, data, start, end)
            # A large head takes longer than a small one; content takes next to nothing.
            frames += 1 if content is not None else 1 + (end - position) // HEAD_WEIGHT
            self.wanted = not self._is_dropped(data, position, end, now) and content is None
            self.content = content
            if not self.wanted:
                if begin < position:
                    yield data[begin:position]
                begin = min(end, size)
            if content is not None:
                yield from self._pass_on(content, data, start + content.has_padding, end, end - start)
            position = end
        self.left = max(0, position - size)
        stop = min(position, size)
        self.unread = data[stop:]
        self.has_more = frames >= TURN_FRAMES and size - stop >= HEAD_SIZE
        if begin < stop:
            yield data[begin:stop]

    def _find(self, data: bytes, position: int, end: int) -> "H2Exchange | None":
        """Return whose content a frame has; ``None``: the library is to say what is wrong with it."""
        stream_id = int.from_bytes(data[position + 5 : position + HEAD_SIZE]) & LARGEST_STREAM
        exchange = self.streams.get(stream_id)
        if exchange is None or exchange.got_end:
            return None
        # Without a byte that says how much is padding, it is no frame.
        return None if data[position + 4] & PADDED and end == position + HEAD_SIZE else exchange

    def _pass_on(
        self, content: ContentFrame, data: bytes, start: int, end: int, taken: int
    ) -> Iterator[bytes | Content]:
        """Yield what has come of the content of a frame, and its end.

        :param start: where it begins in what has come, behind the head.
        :param end: where the frame ends, which may be still to come.
        :param taken: bytes of the frame that count, or 0 where that was said before.
        """
        stop = min(end, start + content.left, len(data))
        content.left -= stop - start
        exchange = content.exchange
        yield Content(exchange, data[start:stop], taken, content.ends)
        if content.ends and end <= len(data) and self.streams.get(exchange.stream_id) is exchange:
            # The library knows nothing of what came before; to the stream, this is its end.
            yield FRAME_HEAD.pack(DATA, END_STREAM, exchange.stream_id)

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
        # Section 4.1: the bit before it means nothing.
        stream = int.from_bytes(data[position + 5 : position + HEAD_SIZE]) & LARGEST_STREAM
        is_stray = 0 < stream <= self.settled and stream not in self.streams and kind != CONTINUATION
        self.floods.note(kind, flags, size, now, is_stray)
        if kind == HEADERS and stream > self.highest:
            self.highest = stream
        if kind in (HEADERS, CONTINUATION):
            self.open_head = not flags & END_HEADERS
        elif kind == GOAWAY and size >= 8 and stream == 0 and not self.open_head:
            # Section 6.8: the client begins no more streams. For the library it would be the end, and of
            # the answers that are still to come, too.
            self.is_leaving = True
            return True
        return False
