"""Find and check frames before the library reads them.

The library buffers a frame until it is complete, whatever its size, and returns events only after it has read
all its input. So this module counts the frames first, ends the connection at the head of a frame that is too
large, and limits the frames of one turn of the loop.
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
"""The head of a frame (section 4.1): size (three bytes) and type (one byte) together, flags, stream."""

HEAD_SIZE: Final = 9
"""Size of a frame's head in bytes (RFC 9113 section 4.1)."""

TURN_FRAMES: Final = 128
"""Frames read in one turn of the loop: about 10 ms if each is the head of a request."""

HEAD_WEIGHT: Final = 128
"""Bytes of a frame without content that cost as much as one more frame."""


class FrameSizeError(WireError):
    """A frame exceeds the allowed size (section 4.2)."""

    code = ErrorCodes.FRAME_SIZE_ERROR
    identifier = "http2-frame-too-large"


class FirstFrameError(WireError):
    """The first frame is not SETTINGS (section 3.4)."""


class PaddingError(WireError):
    """The padding of a frame exceeds its payload (section 6.1)."""


class Content(NamedTuple):
    """A piece of a request's content."""

    exchange: "H2Exchange"
    data: bytes
    taken: int
    """Bytes of the whole frame for the windows, given with its first piece; 0 with later pieces."""
    ends: bool
    """Whether the frame ends the stream."""


class ContentFrame:
    """A DATA frame of an open stream (section 6.1).

    :param exchange: the exchange of the stream.
    :param data: the received bytes.
    :param start: position of the frame's payload in ``data``.
    :param end: position of the frame's end, which may be beyond ``data``.
    :raises PaddingError: if the padding exceeds the payload.
    """

    __slots__ = ("ends", "exchange", "has_padding", "left")

    def __init__(self, exchange: "H2Exchange", data: bytes, start: int, end: int) -> None:
        flags = data[start - HEAD_SIZE + 4]
        self.exchange = exchange
        self.ends = bool(flags & END_STREAM)
        self.has_padding = bool(flags & PADDED)
        """Whether the first byte of the payload is the length of the padding."""
        self.left = end - start
        """Bytes of content that are still to arrive."""
        if self.has_padding:
            self.left -= 1 + data[start]
            if self.left < 0:
                raise PaddingError("padding that is larger than its frame")


class FrameScanner:
    """Splits received bytes into frames, and checks each one.

    :param floods: counts the frames.
    :param max_size: largest payload in bytes, as in the server's settings.
    :param streams: the open streams. Their content bypasses the library, which would buffer each frame whole,
        copy it four times, and format it for an unused log.
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
        """The last stream that :attr:`streams` can contain."""
        self.left = 0
        """Bytes of the current frame that are still to arrive."""
        self.kind = 0
        """Type of the current frame."""
        self.wanted = True
        """Whether the library gets the current frame."""
        self.open_head = False
        """Whether a head is incomplete. No other frame may arrive before its end (section 4.3)."""
        self.is_begun = False
        """Whether the client's first SETTINGS frame has arrived."""
        self.is_leaving = False
        """Whether the client has sent GOAWAY."""
        self.unread = b""
        """Received bytes for a later turn, or an incomplete head of a frame."""
        self.has_more = False
        """Whether :attr:`unread` has frames for the next turn."""
        self.content: ContentFrame | None = None
        """The DATA frame whose content is being passed on."""

    @property
    def is_within_head(self) -> bool:
        """Whether the received bytes end within the head of a request or of a frame."""
        return self.open_head or bool(self.unread) or (self.left > 0 and self.kind in (HEADERS, CONTINUATION))

    def take(self, data: bytes, now: float) -> Iterator[bytes | Content]:
        """Yield bytes for the library and pieces of content, in order.

        The caller must handle each item before it asks for the next: the stream of later content depends on
        heads that the library has read. Afterwards :attr:`has_more` tells whether the next turn has more to
        read.

        :param data: the received bytes.
        :raises FloodError: if frames exceed a budget.
        :raises FrameSizeError: if a frame is too large.
        :raises FirstFrameError: if the first frame is not SETTINGS.
        :raises PaddingError: if the padding of a frame exceeds its payload.
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
                        # The length of the padding is still to arrive.
                        break
                    content = ContentFrame(exchange, data, start, end)
            # The cost of a head grows with its size. Content costs almost nothing.
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
        """Return the exchange of a DATA frame; ``None``: the library must handle the frame."""
        stream_id = int.from_bytes(data[position + 5 : position + HEAD_SIZE]) & LARGEST_STREAM
        exchange = self.streams.get(stream_id)
        if exchange is None or exchange.got_end:
            return None
        # A padded frame without a padding length is malformed.
        return None if data[position + 4] & PADDED and end == position + HEAD_SIZE else exchange

    def _pass_on(
        self, content: ContentFrame, data: bytes, start: int, end: int, taken: int
    ) -> Iterator[bytes | Content]:
        """Yield the received content of a frame, and its end.

        :param start: position of the content in ``data``.
        :param end: position of the frame's end, which may be beyond ``data``.
        :param taken: bytes of the frame for the windows; 0 for later pieces.
        """
        stop = min(end, start + content.left, len(data))
        content.left -= stop - start
        exchange = content.exchange
        yield Content(exchange, data[start:stop], taken, content.ends)
        if content.ends and end <= len(data) and self.streams.get(exchange.stream_id) is exchange:
            # The library has not seen the content. This frame only ends its stream.
            yield FRAME_HEAD.pack(DATA, END_STREAM, exchange.stream_id)

    def _is_dropped(self, data: bytes, position: int, end: int, now: float) -> bool:
        """Check and count a frame. Return whether to hide it from the library."""
        self.kind = kind = data[position + 3]
        flags, size = data[position + 4], end - position - HEAD_SIZE
        if size > self.max_size:
            raise FrameSizeError(f"a frame of {size} bytes")
        if not self.is_begun:
            # Section 3.4: SETTINGS come first, and may be empty.
            if kind != SETTINGS or flags & ACK:
                raise FirstFrameError("the first frame has no settings")
            self.is_begun = True
        # Section 4.1: the highest bit is reserved.
        stream = int.from_bytes(data[position + 5 : position + HEAD_SIZE]) & LARGEST_STREAM
        is_stray = 0 < stream <= self.settled and stream not in self.streams and kind != CONTINUATION
        self.floods.note(kind, flags, size, now, is_stray)
        if kind == HEADERS and stream > self.highest:
            self.highest = stream
        if kind in (HEADERS, CONTINUATION):
            self.open_head = not flags & END_HEADERS
        elif kind == GOAWAY and size >= 8 and stream == 0 and not self.open_head:
            # Section 6.8: the client begins no more streams. The library would end the connection, and lose
            # the answers under way.
            self.is_leaving = True
            return True
        return False
