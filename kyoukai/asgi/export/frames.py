"""Converting between ASGI's messages and WebSocket frames (RFC 6455 section 5).

The WebSocket connection applies limits, deadlines and the order of closes to bytes. So each message of the
client is encoded as a frame for it, and its frames are decoded to messages.
"""

from collections.abc import Iterator
from typing import Final

from websockets.frames import CONT, Opcode

from kyoukai.websocket.frame_reader import FIN, OPCODE, OPCODES

MASK: Final = 0x80

NO_MASK: Final = b"\0\0\0\0"
"""Section 5.1: a client masks its frames. This mask changes nothing."""


def client_frame(opcode: Opcode, data: bytes) -> bytes:
    """Return a whole message or a control frame as a client would send it."""
    first, size = FIN | opcode, len(data)
    if size < 126:
        return bytes((first, MASK | size)) + NO_MASK + data
    if size < 0x10000:
        return bytes((first, MASK | 126)) + size.to_bytes(2) + NO_MASK + data
    return bytes((first, MASK | 127)) + size.to_bytes(8) + NO_MASK + data


class ServerFrames:
    """Decodes the frames that a connection writes for its client."""

    __slots__ = ("_data", "_opcode", "_parts")

    def __init__(self) -> None:
        self._data = b""
        """An incomplete frame: a head may be written before its payload."""
        self._opcode = CONT
        self._parts: list[bytes] = []
        """The type of the current message."""

    def read(self, data: bytes) -> Iterator[tuple[Opcode, bytes]]:
        """Yield the messages and control frames that are complete.

        :param data: the written bytes.
        """
        data, start = self._data + data if self._data else data, 0
        while (bounds := frame_bounds(data, start)) is not None:
            first = data[start]
            opcode, payload = OPCODES[first & OPCODE], data[bounds[0] : bounds[1]]
            start = bounds[1]
            if opcode not in DATA:
                yield opcode, payload
                continue
            if opcode is not CONT:
                self._opcode = opcode
            self._parts.append(payload)
            if first & FIN:
                message = payload if len(self._parts) == 1 else b"".join(self._parts)
                self._parts.clear()
                yield self._opcode, message
        self._data = data[start:]


DATA: Final = frozenset({Opcode.CONT, Opcode.TEXT, Opcode.BINARY})


def frame_bounds(data: bytes, start: int) -> tuple[int, int] | None:
    """Return the bounds of an unmasked frame's payload, or ``None`` if the frame is incomplete.

    :param start: where the frame begins.
    """
    have = len(data) - start
    if have < 2:
        return None
    size, at = data[start + 1], start + 2
    if size == 126:
        size, at = int.from_bytes(data[at : at + 2]), at + 2
    elif size == 127:
        size, at = int.from_bytes(data[at : at + 8]), at + 8
    end = at + size
    return (at, end) if at <= len(data) and end <= len(data) else None
