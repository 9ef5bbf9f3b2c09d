"""Between messages, as ASGI has them, and frames, as a WebSocket's connection has them (RFC 6455 section 5).

The connection keeps limits, deadlines and the order of closes over bytes: so each message of the client's is
made a frame for it, and its frames are made messages.
"""

from collections.abc import Iterator
from typing import Final

from websockets.frames import CONT, Opcode

from kyoukai.websocket.frame_reader import FIN, OPCODE, OPCODES

MASK: Final = 0x80

NO_MASK: Final = b"\0\0\0\0"
"""Section 5.1: what a client sends is masked. By this mask nothing changes."""


def client_frame(opcode: Opcode, data: bytes) -> bytes:
    """Return a whole message, or a control frame, as a client sends it."""
    first, size = FIN | opcode, len(data)
    if size < 126:
        return bytes((first, MASK | size)) + NO_MASK + data
    if size < 0x10000:
        return bytes((first, MASK | 126)) + size.to_bytes(2) + NO_MASK + data
    return bytes((first, MASK | 127)) + size.to_bytes(8) + NO_MASK + data


class ServerFrames:
    """Reads what a connection writes for its client."""

    __slots__ = ("_data", "_opcode", "_parts")

    def __init__(self) -> None:
        self._data = b""
        """What is no whole frame yet: a head may be written before its payload."""
        self._opcode = CONT
        self._parts: list[bytes] = []
        """Of the message that is under way."""

    def read(self, data: bytes) -> Iterator[tuple[Opcode, bytes]]:
        """Yield messages and control frames, as far as they are whole.

        :param data: what has been written.
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
    """Return where the payload of a frame without a mask begins and ends; ``None``: not all of it is there.

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
