"""A buffer of received bytes, and the readers that consume it.

A reader is a generator. It returns what it has read, and yields when it needs more bytes; its driver calls
:meth:`ReceiveBuffer.feed` and resumes it. A search continues where the last one stopped, and read bytes are
dropped once a feed instead of once a read. So the cost is proportional to the bytes, whatever their pieces.
"""

import re
from collections.abc import Callable, Generator
from functools import partial
from typing import Final, TypeVar

from ..errors import ProtocolError, refused

Parsed = TypeVar("Parsed")

CR: Final = 0x0D
LF: Final = 0x0A

# RFC 9112 section 2.2: a recipient MAY take a bare LF for the end of a line, and MUST treat a bare CR as
# an error or a space. If one recipient ends a line there and the next one does not, a request can be
# smuggled between them, so both are errors.
bare_lf: Final = partial(refused, "bare-lf")
bare_cr: Final = partial(refused, "bare-cr")


class ReceiveBuffer:
    """The unread bytes are ``data[offset:]``. Readers advance ``offset`` over what they read."""

    __slots__ = ("data", "kept", "offset")

    def __init__(self) -> None:
        # The bytes of one feed are used in place. What it leaves over is copied into a bytearray, which grows
        # and is cut at the front without a copy of the whole.
        self.data: bytes | bytearray = b""
        self.offset = 0
        self.kept: int | None = None
        """The start of bytes that are kept although they were read; ``None`` if none are."""

    def __len__(self) -> int:
        return len(self.data) - self.offset

    def feed(self, data: bytes) -> None:
        """Append ``data``."""
        if self.data:
            if isinstance(self.data, bytes):
                self.data = bytearray(self.data)
            self.data += data
        else:
            self.data = data

    def drop_read(self) -> None:
        """Drop the bytes that were read. To be called once a feed, after the readers."""
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
        """Read as many of the next ``size`` bytes as are buffered, with at most one copy."""
        start = self.offset
        self.offset = min(start + size, len(self.data))
        return self.since(start)

    def since(self, start: int) -> bytes:
        """Return the bytes from ``start`` to the current position."""
        if isinstance(self.data, bytes):
            return self.data[start : self.offset]  # a slice of the whole is the same object
        return bytes(memoryview(self.data)[start : self.offset])

    def take_all(self) -> bytes:
        """Read everything that is buffered, with the bytes that were kept."""
        start = self.offset if self.kept is None else self.kept
        self.kept, self.offset = None, len(self.data)
        return self.since(start)

    def read_until(
        self, stop: re.Pattern[bytes], limit: int, too_long: Callable[[], ProtocolError]
    ) -> Generator[None, None, tuple[bytes, int]]:
        """Read up to the first byte that matches ``stop``.

        :param stop: a pattern of one byte.
        :param limit: the most bytes before it.
        :param too_long: makes the error if there are more.
        :return: the bytes before the match, and the matched byte, which stays unread.
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

        :param limit: the most bytes of the line before its CRLF; below 0, no line is allowed.
        :param too_long: makes the error if it has more.
        :return: the line without its CRLF, and without any other CR or LF.
        :raises BadRequest: at a CR or LF outside a CRLF, before the rest of the line arrives.
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
        """Return ``parse(line)`` for the line just read. If that refuses the line, put it back."""
        try:
            return parse(line)
        except ProtocolError:
            self.offset -= len(line) + 2
            raise

    def pass_on(self, size: int, receiver: Callable[[bytes], None]) -> Generator[None, None, None]:
        """Read ``size`` bytes, and call ``receiver`` with each piece as it arrives."""
        while size:
            piece = self.take(size)
            if piece:
                size -= len(piece)
                receiver(piece)
            else:
                yield

    def skip(self, size: int) -> Generator[None, None, None]:
        """Read and discard ``size`` bytes."""
        while size:
            skipped = min(size, len(self))
            if skipped:
                size -= skipped
                self.offset += skipped
            else:
                yield
