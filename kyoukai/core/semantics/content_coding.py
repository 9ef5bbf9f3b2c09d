"""Removing a request's content coding (RFC 9110 section 8.4.1), piece by piece as it comes.

A few bytes may stand for very many, so no more is ever made of them than the limit allows, and
nothing before the body is wanted.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from ..errors import refused

# zlib.decompressobj: what wraps the DEFLATE stream. RFC 9110 section 8.4.1.2, deflate: "zlib" format
# (RFC 1950); section 8.4.1.3, gzip (RFC 1952), for which x-gzip is another name.
WINDOW_BITS: Final = {
    "deflate": zlib.MAX_WBITS,
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
}

STEP: Final = 8 * 1024
"""Bytes decoded at once: what is left of them behind the end of a gzip member is copied."""

PIECE_SIZE: Final = 64 * 1024
"""The most bytes of a decoded body in one piece, where it is had in pieces."""

MEMBER_SIZE: Final = 4 * 1024
"""Bytes that the members of a gzip body have on the average at least, once there are very many: BGZF
makes one of every 64 KiB; empty ones cost time and hold nothing."""

MANY_MEMBERS: Final = 1024
"""How many they may be in any case."""


class ContentDecoder:
    """Decodes one body.

    :param coding: in lower case.
    :param max_size: the most bytes that the decoded body may have.
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
        """Return what the next bytes of the body stand for.

        :raises BadRequest: if they are not of that coding.
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
        """Yield what the next bytes of the body stand for, a little at a time.

        :raises BadRequest: as :meth:`decode` does.
        :raises ContentTooLarge: as it does.
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
                # What was no longer asked for may have been read all the same.
                has_more = len(piece) > PIECE_SIZE and not decompressor.eof
                if piece:
                    yield piece

    def _decompress(self, data: bytes, most: int) -> bytes:
        try:
            # One byte more than there may be tells that there is more.
            decoded = self._decompressor.decompress(data, min(most, self.max_size - self.size) + 1)
        except zlib.error:
            raise refused("content-coding-corrupt") from None
        self.size += len(decoded)
        if self.size > self.max_size:
            raise refused("body-too-large")
        return decoded

    def finish(self) -> None:
        """Note that the body has ended. One that has no byte stands for one without any.

        :raises BadRequest: if more of it should have come.
        """
        if self._has_begun and not self._decompressor.eof:
            raise refused("content-coding-incomplete")

    def _begin_member(self) -> None:
        """Go on after the end: RFC 1952 section 2.2 lets one member follow another; RFC 1950 none."""
        self._members += 1
        most = max(MANY_MEMBERS, self.max_size // MEMBER_SIZE)
        if self._window_bits == WINDOW_BITS["deflate"] or self._members > most:
            raise refused("content-coding-excess")
        self._decompressor = zlib.decompressobj(self._window_bits)
