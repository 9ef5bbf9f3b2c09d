"""Parses bytes into messages and control frames: RFC 6455 section 5, and RFC 7692 if it was negotiated.

The library ``websockets`` does masking, compression and the grammar of closes. Its frames are parsed here for
two reasons: a text is checked while the rest of its frame is still arriving, and nothing after a message is
processed before the handler has received it. This module knows no transport.
"""

import codecs
import zlib
from typing import Final, NamedTuple

from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import BINARY, CONT, TEXT, Close, Opcode

from .inflater import Inflater

try:
    from websockets.speedups import apply_mask
except ImportError:  # pragma: no cover (where it was installed without its extension in C)
    from websockets.utils import apply_mask

NORMAL_CLOSURE: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED_DATA: Final = 1003
NO_STATUS: Final = 1005
ABNORMAL_CLOSURE: Final = 1006
INVALID_PAYLOAD: Final = 1007
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011

MAX_CONTROL_SIZE: Final = 125
"""The longest payload of a control frame, in bytes (RFC 6455 section 5.5)."""

FIN, RSV1, RESERVED, OPCODE, MASK = 0x80, 0x40, 0x30, 0x0F, 0x80

WHOLE_TEXT, WHOLE_BINARY = FIN | TEXT, FIN | BINARY

SMALL_SIZE: Final = 125
"""The largest payload whose size fits in one byte."""

OPCODES: Final = {int(opcode): opcode for opcode in Opcode}


class Violation(Exception):
    """The client violated the protocol, or exceeded a limit.

    :ivar code: the close code.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Control(NamedTuple):
    """A control frame."""

    opcode: Opcode
    data: bytes


class FrameReader:
    """Parses the frames of one client.

    :param max_size: the largest message in bytes, both as sent and as inflated.
    :param max_frame_size: the largest frame in bytes, as sent.
    :param deflate: the negotiated extension; ``None``: messages are not compressed.
    """

    __slots__ = (
        "_checker",
        "_data",
        "_fin",
        "_inflater",
        "_is_compressed",
        "_is_first",
        "_left",
        "_mask",
        "_max_frame_size",
        "_max_size",
        "_max_small_size",
        "_message",
        "_offset",
        "_opcode",
        "_sent_size",
    )

    def __init__(self, max_size: int, max_frame_size: int, deflate: PerMessageDeflate | None = None) -> None:
        self._max_size = max_size
        self._max_frame_size = max_frame_size
        self._max_small_size = min(SMALL_SIZE, max_size, max_frame_size)
        self._inflater = Inflater(deflate, max_size) if deflate is not None else None
        self._data: bytes | bytearray = b""
        self._offset = 0
        self._message: bytearray | None = None
        """The received part of an incomplete message; ``None``: no message is incomplete."""
        self._opcode = CONT
        """The opcode of the incomplete message."""
        self._checker: codecs.IncrementalDecoder | None = None
        """Decodes a text as it arrives; ``None``: the message is binary."""
        self._sent_size = 0
        """Bytes of the frames of the message, as sent."""
        self._left = -1
        """Missing bytes of the current frame; -1: there is no current frame."""
        self._mask = b""
        self._fin = self._is_first = False
        self._is_compressed = False
        """Whether the incomplete message is compressed."""

    def __len__(self) -> int:
        """Return the number of unparsed bytes."""
        return len(self._data) - self._offset

    def feed(self, data: bytes) -> None:
        """Append bytes of the client."""
        if self._offset == len(self._data):
            self._data, self._offset = data, 0
            return
        if type(self._data) is not bytearray:
            self._data = bytearray(self._data)
        del self._data[: self._offset]
        self._offset = 0
        self._data += data

    def read(self) -> str | bytes | Control | None:
        """Return the next message or control frame; ``None``: more bytes are needed.

        :raises Violation: if the client violated the protocol. Do not call this again.
        """
        data, offset = self._data, self._offset
        # Fast path: nearly every message is one small, complete frame.
        if len(data) - offset > 5 and self._left < 0 and self._message is None:
            first, size = data[offset], data[offset + 1] - MASK
            end = offset + 6 + size
            if 0 <= size <= self._max_small_size and end <= len(data) and first in (WHOLE_TEXT, WHOLE_BINARY):
                self._offset = end
                payload = apply_mask(data[offset + 6 : end], data[offset + 2 : offset + 6])
                return _text(payload) if first == WHOLE_TEXT else bytes(payload)
        while True:
            if self._left < 0:
                control = self._begin_frame()
                if control is not None:
                    return control
                if self._left < 0:
                    return None
            message = self._read_payload()
            if message is not None:
                return message
            if self._left > 0:
                self._data, self._offset = b"", 0
                return None

    def _begin_frame(self) -> Control | None:
        """Parse the head of a frame, and a whole control frame; :attr:`_left` tells whether it was there."""
        data, offset = self._data, self._offset
        have = len(data) - offset
        if have < 2:
            if not have:
                # Free the memory of parsed bytes: the client may be idle from now on.
                self._data, self._offset = b"", 0
            return None
        first, second = data[offset], data[offset + 1]
        size, head_size = second & 0x7F, 6
        if size == 126:
            head_size = 8
        elif size == 127:
            head_size = 14
        opcode = OPCODES.get(first & OPCODE)
        if opcode is None:
            raise Violation(PROTOCOL_ERROR, "unknown opcode")
        if not second & MASK:
            raise Violation(PROTOCOL_ERROR, "frame without a mask")
        if first & RESERVED:
            raise Violation(PROTOCOL_ERROR, "reserved bits are set")
        if opcode & 0x08:
            return self._read_control(opcode, first, size)
        if have < head_size:
            return None
        if size > 125:
            size = int.from_bytes(data[offset + 2 : offset + head_size - 4])
        self._note_frame(opcode, first, size)
        self._mask = bytes(data[offset + head_size - 4 : offset + head_size])
        self._offset = offset + head_size
        self._left = size
        return None

    def _read_control(self, opcode: Opcode, first: int, size: int) -> Control | None:
        if size > MAX_CONTROL_SIZE:
            raise Violation(PROTOCOL_ERROR, "control frame too long")
        if first & RSV1 or not first & FIN:
            what = "reserved bits are set" if first & RSV1 else "control frame in fragments"
            raise Violation(PROTOCOL_ERROR, what)
        data, offset = self._data, self._offset
        end = offset + 6 + size
        if len(data) < end:
            return None
        self._offset = end
        return Control(opcode, apply_mask(data[offset + 6 : end], data[offset + 2 : offset + 6]))

    def _note_frame(self, opcode: Opcode, first: int, size: int) -> None:
        """Check the head of a data frame, and update the state of its message."""
        if opcode is CONT:
            if self._message is None:
                raise Violation(PROTOCOL_ERROR, "continuation of no message")
            if first & RSV1:
                raise Violation(PROTOCOL_ERROR, "reserved bits are set")
        else:
            if self._message is not None:
                raise Violation(PROTOCOL_ERROR, "message within another")
            if first & RSV1 and self._inflater is None:
                raise Violation(PROTOCOL_ERROR, "reserved bits are set")
            self._is_compressed = bool(first & RSV1)
            self._opcode, self._sent_size, self._is_first = opcode, 0, True
        self._fin = bool(first & FIN)
        self._sent_size += size
        if size > self._max_frame_size:
            raise Violation(MESSAGE_TOO_BIG, f"frame of more than {self._max_frame_size} bytes")
        if self._sent_size > self._max_size:
            raise Violation(MESSAGE_TOO_BIG, f"message of more than {self._max_size} bytes")

    def _read_payload(self) -> str | bytes | None:
        """Parse the received payload of a frame, and return the message if that completes it."""
        data, offset, left = self._data, self._offset, self._left
        end = min(len(data), offset + left)
        if end == offset and left:
            return None
        piece = apply_mask(data[offset:end], self._mask) if left else b""
        self._offset = end
        left -= end - offset
        is_end = not left and self._fin
        if self._is_compressed and self._inflater is not None:
            piece = self._inflate(self._inflater, piece, is_end)
        if is_end and self._message is None:
            # Fast path: nearly every message is one frame that arrives at once.
            self._left = -1
            return _text(piece) if self._opcode is TEXT else bytes(piece)
        self._take(piece, is_end)
        if left:
            turn = (end - offset) % 4
            self._mask = self._mask[turn:] + self._mask[:turn]
            self._left = left
            return None
        self._left = -1
        if not is_end:
            return None
        message, self._message = self._message, None
        return _text(message) if self._opcode is TEXT else bytes(message or b"")

    def _take(self, piece: bytes, is_end: bool) -> None:
        """Append a piece to its message."""
        if self._message is None:
            self._message = bytearray()
            self._checker = codecs.getincrementaldecoder("utf-8")() if self._opcode is TEXT else None
        if self._checker is not None:
            try:
                self._checker.decode(piece, is_end)
            except UnicodeDecodeError as exc:
                raise Violation(INVALID_PAYLOAD, "text that is no UTF-8") from exc
        self._message += piece

    def _inflate(self, inflater: Inflater, piece: bytes, is_end: bool) -> bytes:
        """Inflate a piece of a message and append it, except the last inflated part, which is returned."""
        last = b""
        is_first, self._is_first = self._is_first, False
        try:
            for inflated in inflater.inflate(piece, is_first=is_first, is_last=is_end):
                if last:
                    self._take(last, False)
                if len(inflated) > self._max_size - len(self._message or b""):
                    raise Violation(MESSAGE_TOO_BIG, f"message of more than {self._max_size} bytes")
                last = inflated
        except zlib.error as exc:
            raise Violation(INVALID_PAYLOAD, "message that cannot be inflated") from exc
        return last


def _text(data: bytes | bytearray | None) -> str:
    try:
        return str(data or b"", "utf-8")
    except UnicodeDecodeError as exc:
        raise Violation(INVALID_PAYLOAD, "text that is no UTF-8") from exc


def read_close(data: bytes) -> tuple[int, str]:
    """Return code and reason of a close; 1005 stands for no code.

    :raises Violation: if they are not allowed (RFC 6455 section 7.4).
    """
    try:
        close = Close.parse(data)
    except ProtocolError as exc:
        raise Violation(PROTOCOL_ERROR, "close that is malformed") from exc
    except UnicodeDecodeError as exc:
        raise Violation(INVALID_PAYLOAD, "reason that is no UTF-8") from exc
    return close.code, close.reason
