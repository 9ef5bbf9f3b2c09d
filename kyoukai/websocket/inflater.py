"""Inflating what a client has compressed (RFC 7692), never much at a time."""

import zlib
from collections.abc import Iterator
from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate

EMPTY_BLOCK: Final = b"\0\0\xff\xff"
"""The end of the last block of a message, which is not sent (RFC 7692 section 7.2.2)."""

LEAST_SIZE: Final = 64 * 1024
"""Bytes that are inflated at once, or an eighth of the longest message."""


class Inflater:
    """Inflates the messages of one client.

    It does so in steps, for a piece may stand for a thousand times as much, and zlib holds twice what it
    inflates at once. The library's ``decode`` inflates a piece up to the limit in one step.

    :param deflate: what was agreed on; it keeps the window.
    :param max_size: the most bytes of a message.
    """

    __slots__ = ("_deflate", "_size")

    def __init__(self, deflate: PerMessageDeflate, max_size: int) -> None:
        self._deflate = deflate
        self._size = max(LEAST_SIZE, max_size // 8)

    def inflate(self, piece: bytes, *, is_first: bool, is_last: bool) -> Iterator[bytes]:
        """Yield what a piece of a message stands for: nearly always all at once, and something always.

        :raises zlib.error: if it cannot be inflated.
        """
        deflate, size = self._deflate, self._size
        if is_first and deflate.remote_no_context_takeover:
            self._begin_anew()
        inflater = deflate.decoder
        data = piece + EMPTY_BLOCK if is_last else piece
        while True:
            inflated = inflater.decompress(data, size)
            yield inflated
            data = inflater.unconsumed_tail
            # Told to stop, it may have read all, and have more of it. Behind a final block it reads nothing.
            if inflater.eof or (not data and len(inflated) < size):
                break
        if inflater.eof:
            # RFC 7692 section 7.2.3.4: a client may end a message by a final block. zlib keeps all that comes
            # behind one, for ever.
            self._begin_anew()
        if is_last and deflate.remote_no_context_takeover:
            # The window of one who is idle is not kept for nothing.
            del deflate.decoder

    def _begin_anew(self) -> None:
        self._deflate.decoder = zlib.decompressobj(wbits=-self._deflate.remote_max_window_bits)
