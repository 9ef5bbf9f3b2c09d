"""Reading the chunked transfer coding (RFC 9112 section 7.1).

::

    chunked-body   = *chunk
                     last-chunk
                     trailer-section
                     CRLF
    chunk          = chunk-size [ chunk-ext ] CRLF
                     chunk-data CRLF
    last-chunk     = 1*("0") [ chunk-ext ] CRLF

After a fault, nothing here searches for the next chunk: a reader that does takes a client's data for a
request, or a request for data.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Final

from ..errors import refused
from ..semantics.framing import Framing
from ..semantics.grammar import CHUNK_LINE_CRLF, MAX_CHUNK_SIZE_DIGITS, parse_chunk_size
from .readers import read_trailers
from .receive_buffer import ReceiveBuffer

if TYPE_CHECKING:
    from ..limits import Limits

extensions_too_large: Final = partial(refused, "chunk-extensions-too-large")
data_too_long: Final = partial(refused, "chunk-end-missing")


def read_chunks(
    buffer: ReceiveBuffer,
    limits: "Limits",
    read_data: Callable[[int], Generator[None, None, None]],
    max_size: int | None = None,
) -> Generator[None, None, int]:
    """Read all chunks and the line of the last one, but not the trailer section.

    The extensions of all chunks together may have ``max_head_size`` bytes. RFC 9112 section 7.1.1:
    "A server ought to limit the total length of chunk extensions received in a request to an amount
    reasonable for the services provided".

    :param read_data: makes the reader of a given number of bytes of chunk data.
    :param max_size: the most bytes of data; by default ``max_body_size``.
    :return: the number of bytes of data.
    :raises BadRequest: if the coding is malformed, or has too many extensions.
    :raises ContentTooLarge: if a chunk's size takes the sum past ``max_size``.
    """
    most = limits.max_body_size if max_size is None else max_size
    room, left = limits.max_head_size, most
    while True:
        # Nearly always the whole line is buffered; otherwise it is read as it arrives.
        start, longest = buffer.offset, MAX_CHUNK_SIZE_DIGITS + room
        header = CHUNK_LINE_CRLF.match(buffer.data, start, start + longest + 2)
        if header is not None:
            size, extensions_size = int(header[1], 16), len(header[2])
            line_size = header.end() - start
            buffer.offset = header.end()
        else:
            line = yield from buffer.read_line(longest, extensions_too_large)
            line_size = len(line) + 2
            size, extensions_size = buffer.parse_line(line, parse_chunk_size)
        room -= extensions_size
        left -= size
        if room < 0 or left < 0:
            buffer.offset -= line_size
            raise extensions_too_large() if room < 0 else refused("body-too-large")
        if size == 0:
            return most - left
        yield from read_data(size)
        if buffer.data.startswith(b"\r\n", buffer.offset):
            buffer.offset += 2
        else:
            yield from buffer.read_line(0, data_too_long)


def read_body(
    buffer: ReceiveBuffer, framing: Framing, limits: "Limits", max_size: int | None = None
) -> Generator[None, None, int]:
    """Read a body of either framing and its trailers; return the size of its content in bytes.

    :param max_size: the most bytes of a body of unknown length; by default ``max_body_size``.
    """
    if not framing.chunked:
        yield from buffer.skip(framing.content_length)
        return framing.content_length
    size = yield from read_chunks(buffer, limits, buffer.skip, max_size)
    yield from read_trailers(buffer, limits)
    return size
