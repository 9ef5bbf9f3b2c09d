"""From bytes to messages and control frames: RFC 6455 section 5, and RFC 7692 where it was agreed on.

Masks, the deflating extension and the grammar of closes are those of the library ``websockets``. Its frames
are read here, and not by it, for two reasons: what comes of a text is checked while the rest of its frame is
still on its way, and nothing behind a message is acted on before somebody has asked for it. Nothing here
knows a transport.
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
"""Bytes of the longest payload of a control frame (RFC 6455 section 5.5)."""

FIN, RSV1, RESERVED, OPCODE, MASK = 0x80, 0x40, 0x30, 0x0F, 0x80

WHOLE_TEXT, WHOLE_BINARY = FIN | TEXT, FIN | BINARY

SMALL_SIZE: Final = 125
"""The largest payload whose size is in one byte."""

OPCODES: Final = {int(opcode): opcode for opcode in Opcode}


class Violation(Exception):
    """A client broke the protocol, or a limit.

    :ivar code: what the connection is closed with.
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
    """Reads what one client sends.

    :param max_size: the most bytes of a message, as it is sent and as it is inflated.
    :param max_frame_size: the most bytes of a frame, as it is sent.
    :param deflate: what was agreed on; ``None``: messages are not compressed.
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
        """What has come of a message of several frames, or pieces; ``None``: none is under way."""
        self._opcode = CONT
        """Of the message that is under way."""
        self._checker: codecs.IncrementalDecoder | None = None
        """Checks a text as it comes; ``None``: the message is none."""
        self._sent_size = 0
        """Bytes of the frames of the message, as they are sent."""
        self._left = -1
        """Bytes to come of the frame that is under way; -1: none is."""
        self._mask = b""
        self._fin = self._is_first = False
        self._is_compressed = False
        """Whether the message that is under way is."""

    def __len__(self) -> int:
        """How many bytes have been fed and not been read."""
        return len(self._data) - self._offset

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._offset == len(self._data):
            self._data, self._offset = data, 0
            return
        if type(self._data) is not bytearray:
            self._data = bytearray(self._data)
        del self._data[: self._offset]
        self._offset = 0
        self._data += data

    def read(self) -> str | bytes | Control | None:
        """Return the next message, or the next control frame; ``None``: more has to come.

        :raises Violation: if the client broke the protocol. Nothing is to be read afterwards.
        """
        data, offset = self._data, self._offset
        # Nearly every message is one small frame that is there whole: what follows would read it, too.
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
        """Read the head of a frame, and all of a control frame; :attr:`_left` says whether it was there."""
        data, offset = self._data, self._offset
        have = len(data) - offset
        if have < 2:
            if not have:
                # Of one who is idle from now on, what has been read would be kept.
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
        """Check the head of a data frame, and note what it says of its message."""
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
        """Read what is there of a frame's payload, and return the message if that is its end."""
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
            # Nearly every message is one frame that has come at once.
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
        """Put a piece behind those of the message before it."""
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
        """Inflate a piece of a message, and return the last of it; what is before that is taken."""
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
    """Return code and reason of a close; a code of 1005 stands for none.

    :raises Violation: if they are none that may be sent (RFC 6455 section 7.4).
    """
    try:
        close = Close.parse(data)
    except ProtocolError as exc:
        raise Violation(PROTOCOL_ERROR, "close that is malformed") from exc
    except UnicodeDecodeError as exc:
        raise Violation(INVALID_PAYLOAD, "reason that is no UTF-8") from exc
    return close.code, close.reason
