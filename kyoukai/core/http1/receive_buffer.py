"""What has been received and not yet been read, and the ways of reading it.

A reader is a generator: it returns what it has read, and yields where it needs more bytes; whoever
drives it calls :meth:`ReceiveBuffer.feed` and resumes it. A search goes on where the last one
stopped, and what has been read is dropped once a feed, not once a read, so that the cost is in
proportion to the bytes however they are cut.
"""

import re
from collections.abc import Callable, Generator
from functools import partial
from typing import Final, TypeVar

from ..errors import BadRequest, ProtocolError

Parsed = TypeVar("Parsed")

CR: Final = 0x0D
LF: Final = 0x0A

# RFC 9112 section 2.2: a recipient MAY take a bare LF for a line's end, and MUST take a bare CR for
# an error or a space. What one recipient takes for a line's end and the next one does not lets a
# request be smuggled between them, so both are errors.
bare_lf: Final = partial(BadRequest, "A line ends in LF without CR.")
bare_cr: Final = partial(BadRequest, "A CR is not followed by LF.")


class ReceiveBuffer:
    """The bytes ``data[offset:]``. Readers advance ``offset`` over what they have read."""

    __slots__ = ("data", "kept", "offset")

    def __init__(self) -> None:
        # The bytes of one feed stay where they lie. What is left over from it is copied into a
        # bytearray, which grows and is cut at the front without being copied whole.
        self.data: bytes | bytearray = b""
        self.offset = 0
        self.kept: int | None = None
        """From where on bytes are kept although they have been read; ``None``: none are."""

    def __len__(self) -> int:
        return len(self.data) - self.offset

    def feed(self, data: bytes) -> None:
        """Add ``data`` behind what is left over."""
        if self.data:
            if isinstance(self.data, bytes):
                self.data = bytearray(self.data)
            self.data += data
        else:
            self.data = data

    def drop_read(self) -> None:
        """Let go of what has been read. To be called once a feed, after the readers."""
        start = self.offset if self.kept is None else self.kept
        if start == len(self.data):
            self.data = b""
        elif isinstance(self.data, bytearray):
            del self.data[:start]
        else:
            self.data = bytearray(memoryview(self.data)[start:])
        self.offset -= start
        if self.kept is not None:
            self.kept = 0

    def take(self, size: int) -> bytes:
        """Read as many of the next ``size`` bytes as are there; they are copied once at most."""
        start = self.offset
        self.offset = min(start + size, len(self.data))
        return self.since(start)

    def since(self, start: int) -> bytes:
        """Return the bytes from ``start`` to what is to be read next."""
        if isinstance(self.data, bytes):
            return self.data[start : self.offset]  # the whole of it is the same object
        return bytes(memoryview(self.data)[start : self.offset])

    def take_all(self) -> bytes:
        """Read everything that is there, with what was kept."""
        start = self.offset if self.kept is None else self.kept
        self.kept, self.offset = None, len(self.data)
        return self.since(start)

    def read_until(
        self, stop: re.Pattern[bytes], limit: int, too_long: Callable[[], ProtocolError]
    ) -> Generator[None, None, tuple[bytes, int]]:
        """Read up to the first byte that is a ``stop``.

        :param stop: matches one byte, by itself.
        :param limit: the most bytes that may come before it.
        :param too_long: makes the error for when there are more.
        :return: what came before, and the stop, which remains to be read.
        """
        searched = 0
        while True:
            start = self.offset
            match = stop.search(self.data, start + searched, start + limit + 1)
            if match is not None:
                end = match.start()
                return self.take(end - start), self.data[end]
            searched = len(self.data) - start
            if searched > limit:
                raise too_long()
            yield

    def read_line(self, limit: int, too_long: Callable[[], ProtocolError]) -> Generator[None, None, bytes]:
        """Read up to the next CRLF, and over it.

        :param limit: the most bytes that the line may have before its CRLF; below 0, no line may come.
        :param too_long: makes the error for when it has more.
        :return: the line without its CRLF; it has no CR and no LF.
        :raises BadRequest: at a CR or LF that is not of a CRLF, before the rest of the line comes.
        """
        if limit < 0:
            raise too_long()
        searched = 0
        while True:
            data, start = self.data, self.offset
            stop = start + limit + 1
            cr = data.find(b"\r", start + searched, stop)
            if data.find(b"\n", start + searched, stop if cr < 0 else cr) >= 0:
                raise bare_lf()
            if cr < 0:
                searched = len(data) - start
                if searched > limit:
                    raise too_long()
            elif cr + 1 == len(data):
                searched = cr - start
            elif data[cr + 1] != LF:
                raise bare_cr()
            else:
                line = self.take(cr - start)
                self.offset = cr + 2
                return line
            yield

    def parse_line(self, line: bytes, parse: Callable[[bytes], Parsed]) -> Parsed:
        """Return what ``parse`` makes of the line read last. If it refuses the line, that is unread."""
        try:
            return parse(line)
        except ProtocolError:
            self.offset -= len(line) + 2
            raise

    def pass_on(self, size: int, receiver: Callable[[bytes], None]) -> Generator[None, None, None]:
        """Read ``size`` bytes and call ``receiver`` with each piece of them, as it comes."""
        while size:
            piece = self.take(size)
            if piece:
                size -= len(piece)
                receiver(piece)
            else:
                yield

    def skip(self, size: int) -> Generator[None, None, None]:
        """Read over ``size`` bytes."""
        while size:
            skipped = min(size, len(self))
            if skipped:
                size -= skipped
                self.offset += skipped
            else:
                yield
