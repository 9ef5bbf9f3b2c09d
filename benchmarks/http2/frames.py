"""Frames of HTTP/2 by hand, for clients that do what no library would do (RFC 9113 sections 4 and 6)."""

import struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9
UNKNOWN: Final = 0xBE

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4

INITIAL_WINDOW_SIZE: Final = 0x4

NO_ERROR: Final = 0x0
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
COMPRESSION_ERROR: Final = 0x9
ENHANCE_YOUR_CALM: Final = 0xB


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values: dict[int, int] | None = None) -> bytes:
    """Return a frame with a client's settings."""
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in (values or {}).items()))


def reset(stream: int) -> bytes:
    """Return a frame that cancels a stream."""
    return frame(RST_STREAM, stream=stream, payload=struct.pack(">I", CANCEL))


def window(stream: int, increment: int) -> bytes:
    """Return a frame that opens a window."""
    return frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", increment))


def text(value: bytes) -> bytes:
    """Return a string literal without Huffman's code (RFC 7541 section 5.2), of up to 16 KiB."""
    size = len(value)
    if size < 127:
        return bytes((size,)) + value
    rest, size = [127], size - 127
    while size >= 128:
        rest.append(size % 128 + 128)
        size //= 128
    return bytes((*rest, size)) + value


def block(path: bytes = b"/", *, method: int = 2) -> bytes:
    """Return the fields of a request, without Huffman's code and the dynamic table.

    :param method: its index in HPACK's static table: 2 for GET, 3 for POST (RFC 7541 appendix A).
    """
    return bytes((0x80 | method, 0x86)) + b"\x04" + text(path) + b"\x01" + text(b"localhost")


def request(
    stream: int, path: bytes = b"/", *, method: int = 2, flags: int = END_HEADERS | END_STREAM
) -> bytes:
    """Return a frame that begins a request, and by default is all of it."""
    return frame(HEADERS, flags, stream, block(path, method=method))
