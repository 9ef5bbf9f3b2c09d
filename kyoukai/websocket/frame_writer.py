"""Makes frames from messages; a server sends them without a mask (RFC 6455 section 5.1)."""

from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CLOSE, CONT, Close, Frame, Opcode

FIN: Final = 0x80
RSV1: Final = 0x40

SMALL: Final = 126
"""The size of a smaller payload fits in one byte."""


def frame_head(opcode: int, size: int, *, fin: bool = True, compressed: bool = False) -> bytes:
    """Return the frame head for a payload of ``size`` bytes."""
    first = opcode | (FIN if fin else 0) | (RSV1 if compressed else 0)
    if size < SMALL:
        return bytes((first, size))
    if size < 0x10000:
        return bytes((first, 126)) + size.to_bytes(2)
    return bytes((first, 127)) + size.to_bytes(8)


def control_frame(opcode: Opcode, data: bytes = b"") -> bytes:
    """Return a control frame."""
    return frame_head(opcode, len(data)) + data


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Return a close frame.

    :param code: the close code; ``None``: no code.
    :raises ValueError: if the code is not allowed, or the reason has more than 123 bytes.
    """
    return control_frame(CLOSE, b"" if code is None else close_payload(code, reason))


def close_payload(code: int, reason: str) -> bytes:
    """Return the payload of a close; it raises the exceptions of :func:`close_frame`."""
    try:
        data = Close(code, reason).serialize()
    except Exception as exc:
        raise ValueError(f"the close code is {code!r}; it must be 1000 to 1014, or 3000 to 4999") from exc
    if len(data) > 125:
        raise ValueError(f"the reason {reason!r} has more than 123 bytes")
    return data


class FrameWriter:
    """Makes the data frames for one client.

    :param deflate: the negotiated extension; ``None``: messages are not compressed.
    :param min_size: the size in bytes below which messages are not compressed.
    """

    __slots__ = ("_deflate", "_min_size")

    def __init__(self, deflate: PerMessageDeflate | None = None, min_size: int = 0) -> None:
        self._deflate = deflate
        self._min_size = min_size

    def message(self, opcode: Opcode, data: bytes) -> tuple[bytes, bytes]:
        """Return head and payload of a message's only frame."""
        if self._deflate is None or len(data) < self._min_size:
            return frame_head(opcode, len(data)), data
        payload = bytes(self._deflate.encode(Frame(opcode, data)).data)
        return frame_head(opcode, len(payload), compressed=True), payload

    def fragment(self, opcode: Opcode, data: bytes, fin: bool) -> bytes:
        """Return one fragment of a message.

        :param opcode: the opcode of the message for the first fragment, then ``CONT``.
        """
        if self._deflate is None:
            return frame_head(opcode, len(data), fin=fin) + data
        payload = bytes(self._deflate.encode(Frame(opcode, data, fin)).data)
        return frame_head(opcode, len(payload), fin=fin, compressed=opcode is not CONT) + payload
