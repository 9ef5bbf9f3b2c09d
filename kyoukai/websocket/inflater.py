"""Inflates compressed messages (RFC 7692) in small steps."""

import zlib
from collections.abc import Iterator
from typing import Final

from websockets.extensions.permessage_deflate import PerMessageDeflate

EMPTY_BLOCK: Final = b"\0\0\xff\xff"
"""The end of a message's last block, which is not sent (RFC 7692 section 7.2.2)."""

LEAST_SIZE: Final = 64 * 1024
"""The bytes inflated in one step, or an eighth of the longest message if that is more."""


class Inflater:
    """Inflates the messages of one client.

    It works in steps: a piece may inflate to a thousand times its size, and zlib holds twice the bytes of a
    step. ``decode`` of the library inflates a piece up to the limit in one step.

    :param deflate: the negotiated extension, which keeps the window.
    :param max_size: the largest message in bytes.
    """

    __slots__ = ("_deflate", "_size")

    def __init__(self, deflate: PerMessageDeflate, max_size: int) -> None:
        self._deflate = deflate
        self._size = max(LEAST_SIZE, max_size // 8)

    def inflate(self, piece: bytes, *, is_first: bool, is_last: bool) -> Iterator[bytes]:
        """Yield the inflated content of a piece: nearly always at once, and always at least once.

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
            # At its limit zlib may hold output without input left. After a final block it reads nothing.
            if inflater.eof or (not data and len(inflated) < size):
                break
        if inflater.eof:
            # RFC 7692 section 7.2.3.4: a message may end with a final block. zlib keeps everything after it,
            # forever.
            self._begin_anew()
        if is_last and deflate.remote_no_context_takeover:
            # Free the window: an idle client does not need it.
            del deflate.decoder

    def _begin_anew(self) -> None:
        self._deflate.decoder = zlib.decompressobj(wbits=-self._deflate.remote_max_window_bits)
