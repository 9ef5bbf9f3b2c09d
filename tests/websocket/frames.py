"""Frames as a client sends them, and as it reads those of a server: by hand, so that they can be wrong."""

import zlib
from collections.abc import Callable
from typing import NamedTuple

MASK = b"\x11\x22\x33\x44"

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = MASK,
    size: int | None = None,
) -> bytes:
    """Return a frame.

    :param reserved: the reserved bits: 4 is RSV1.
    :param size: what it says of its size, where that is not so.
    """
    size = len(payload) if size is None else size
    first = opcode | (0x80 if fin else 0) | reserved << 4
    masked = 0x80 if mask is not None else 0
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 0x10000:
        head = bytes((first, masked | 126)) + size.to_bytes(2)
    else:
        head = bytes((first, masked | 127)) + size.to_bytes(8)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Return a close."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2) + reason)


def deflated(payload: bytes, bits: int = 12) -> bytes:
    """Return a payload as permessage-deflate sends it, with no context before it."""
    compressor = zlib.compressobj(wbits=-bits)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


class Read(NamedTuple):
    """A frame of a server."""

    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = False


def receive_frame(take: Callable[[int], bytes]) -> Read:
    """Return the next frame of a server.

    :param take: returns so many of its next bytes.
    """
    head = take(2)
    size = head[1]
    if size >= 126:
        length = take(2 if size == 126 else 8)
        head, size = head + length, int.from_bytes(length)
    (read,) = read_frames(head + take(size))
    return read


def read_frames(data: bytes) -> list[Read]:
    """Return the frames of a server, which have no mask, and of which none is cut off."""
    frames = []
    while data:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10]), 10
        payload = data[start : start + size]
        if len(payload) < size:
            raise ValueError("the last frame is cut off")
        frames.append(Read(data[0] & 0x0F, payload, bool(data[0] & 0x80), bool(data[0] & 0x40)))
        data = data[start + size :]
    return frames
