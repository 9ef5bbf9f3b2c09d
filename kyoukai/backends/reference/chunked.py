"""The chunked transfer coding (RFC 9112 section 7.1), as it is read.

::

    chunked-body   = *chunk
                     last-chunk
                     trailer-section
                     CRLF
    chunk          = chunk-size [ chunk-ext ] CRLF
                     chunk-data CRLF
    last-chunk     = 1*("0") [ chunk-ext ] CRLF

Nothing here looks for the next chunk after a fault: whoever does so reads a request where the client
put data, or the other way round.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import Final

from kyoukai.core.errors import BadRequest

from .buffer import ReceiveBuffer
from .grammar import CHUNK_LINE_CRLF, MAX_CHUNK_SIZE_DIGITS, parse_chunk_size

extensions_too_large: Final = partial(BadRequest, "The chunk extensions are larger than this server takes.")
data_too_long: Final = partial(BadRequest, "The data of a chunk is not followed by CRLF.")


def read_chunks(
    buffer: ReceiveBuffer, max_extensions_size: int, on_body: Callable[[bytes], None]
) -> Generator[None, None, None]:
    """Read the chunks up to the last one, whose line is read and whose trailer section is not.

    :param max_extensions_size: the most bytes of chunk extensions, in the sum of all chunks. RFC
        9112 section 7.1.1: "A server ought to limit the total length of chunk extensions received
        in a request to an amount reasonable for the services provided".
    :param on_body: called with each piece of chunk data, as it comes.
    :raises BadRequest: if the coding is malformed, or has too many extensions.
    """
    room = max_extensions_size
    while True:
        # The whole line where it is there, which is nearly always; else whatever there is of it.
        start, longest = buffer.offset, MAX_CHUNK_SIZE_DIGITS + room
        header = CHUNK_LINE_CRLF.match(buffer.data, start, start + longest + 2)
        if header is not None:
            size, extensions_size = int(header[1], 16), len(header[2])
            buffer.offset = header.end()
        else:
            line = yield from buffer.read_line(longest, extensions_too_large)
            size, extensions_size = parse_chunk_size(line)
        room -= extensions_size
        if room < 0:
            raise extensions_too_large()
        if size == 0:
            return
        if buffer.offset + size <= len(buffer.data):
            on_body(buffer.take(size))
        else:
            yield from buffer.pass_on(size, on_body)
        if buffer.data.startswith(b"\r\n", buffer.offset):
            buffer.offset += 2
        else:
            yield from buffer.read_line(0, data_too_long)
