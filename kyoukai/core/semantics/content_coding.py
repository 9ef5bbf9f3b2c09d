"""Decoding a request's content coding piece by piece (RFC 9110 section 8.4.1).

A few bytes may decode to very many, so output is limited, and is produced only when the body is read.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from ..errors import refused

# Formats for zlib.decompressobj. RFC 9110 section 8.4.1.2, deflate: the "zlib" format (RFC 1950); section
# 8.4.1.3, gzip (RFC 1952), also called x-gzip.
WINDOW_BITS: Final = {
    "deflate": zlib.MAX_WBITS,
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
}

STEP: Final = 8 * 1024
"""Bytes decoded at once. Input behind the end of a gzip member is copied, up to this many bytes."""

PIECE_SIZE: Final = 64 * 1024
"""The most bytes in one piece of a body that is decoded in pieces."""

MEMBER_SIZE: Final = 4 * 1024
"""The least average size of members in a gzip body with very many of them. BGZF makes one member of 64 KiB;
empty members cost time and hold nothing."""

MANY_MEMBERS: Final = 1024
"""The number of members that is allowed in any case."""


class ContentDecoder:
    """Decodes one body.

    :param coding: in lower case.
    :param max_size: the most bytes of the decoded body.
    :raises UnsupportedMediaType: if the coding is not known.
    """

    __slots__ = ("_decompressor", "_has_begun", "_members", "_window_bits", "max_size", "size")

    def __init__(self, coding: str, max_size: int) -> None:
        if coding not in WINDOW_BITS:
            raise refused("content-coding-unknown")
        self._window_bits = WINDOW_BITS[coding]
        self._decompressor = zlib.decompressobj(self._window_bits)
        self.max_size = max_size
        self._members = 1
        self._has_begun = False
        self.size = 0
        """Bytes of the decoded body so far."""

    def decode(self, data: bytes) -> bytes:
        """Decode the next bytes of the body.

        :raises BadRequest: if they are invalid in the coding.
        :raises ContentTooLarge: if the decoded body passes the limit.
        """
        self._has_begun = True
        pieces: list[bytes] = []
        for start in range(0, len(data), STEP):
            step = data[start : start + STEP]
            while step:
                if self._decompressor.eof:
                    self._begin_member()
                pieces.append(self._decompress(step, self.max_size))
                step = self._decompressor.unused_data
        return b"".join(pieces)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes of the body, and yield the result in small pieces.

        :raises BadRequest: as :meth:`decode` does.
        :raises ContentTooLarge: as :meth:`decode` does.
        """
        self._has_begun = True
        for start in range(0, len(data), STEP):
            step = data[start : start + STEP]
            has_more = False
            while step or has_more:
                if self._decompressor.eof and step:
                    self._begin_member()
                piece = self._decompress(step, PIECE_SIZE)
                decompressor = self._decompressor
                step = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
                # zlib may hold output beyond the requested size, though it has read all input.
                has_more = len(piece) > PIECE_SIZE and not decompressor.eof
                if piece:
                    yield piece

    def _decompress(self, data: bytes, most: int) -> bytes:
        try:
            # Ask for one byte more than allowed, to see whether there is more.
            decoded = self._decompressor.decompress(data, min(most, self.max_size - self.size) + 1)
        except zlib.error:
            raise refused("content-coding-corrupt") from None
        self.size += len(decoded)
        if self.size > self.max_size:
            raise refused("body-too-large")
        return decoded

    def finish(self) -> None:
        """Note the end of the body. An empty body decodes to an empty one.

        :raises BadRequest: if the coding is incomplete.
        """
        if self._has_begun and not self._decompressor.eof:
            raise refused("content-coding-incomplete")

    def _begin_member(self) -> None:
        """Continue behind the end: RFC 1952 section 2.2 allows further members, RFC 1950 does not."""
        self._members += 1
        most = max(MANY_MEMBERS, self.max_size // MEMBER_SIZE)
        if self._window_bits == WINDOW_BITS["deflate"] or self._members > most:
            raise refused("content-coding-excess")
        self._decompressor = zlib.decompressobj(self._window_bits)
