"""Sending a body that is not in memory: an iterator, an async iterator, or a file.

Each piece is sent when it is made, and the next one is requested when the client has room. A plain iterator
may block, so each of its steps runs in a thread; an async iterator runs in the loop.
"""

import asyncio
import functools
import io
import os
from collections.abc import AsyncIterable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from werkzeug.wsgi import FileWrapper

from ..semantics.serialize import InvalidResponseError
from ..serving.strands import Strand, note_strand, strand_of
from ..serving.threads import run_in_thread

if TYPE_CHECKING:
    from .answer_writer import AnswerWriter
    from .trailers import MakeTrailers

BLOCK_SIZE: Final = 256 * 1024
"""Bytes of a file read at once, as in asyncio's own fallback for sendfile."""

PIECE_SIZE: Final = 64 * 1024
"""Bytes written at once of a body in memory that is sent in pieces: asyncio's high-water mark."""

TURN_PIECES: Final = 16
"""Pieces sent before the loop runs other callbacks, whatever their size."""

TURN_SIZE: Final = 256 * 1024
"""Bytes sent before the loop runs other callbacks, even if the client takes them all."""


class BodySender:
    """Sends the content of one answer whose head was written.

    :param exchange: the exchange of the answer; its ``sent`` is increased.
    :param declared: the Content-Length of the answer, or ``None``.
    :param trailers: makes the trailer fields, if there are any.
    """

    __slots__ = (
        "declared",
        "exchange",
        "gathered",
        "gathered_size",
        "is_due",
        "trailers",
        "turn_pieces",
        "turn_size",
    )

    def __init__(
        self, exchange: "AnswerWriter", declared: int | None, trailers: "MakeTrailers | None" = None
    ) -> None:
        self.exchange = exchange
        self.declared = declared
        self.trailers = trailers
        self.gathered: list[bytes] = []
        """Pieces to be written, in order: see :meth:`write_piece`."""
        self.gathered_size = 0
        """Their size in bytes."""
        self.is_due = False
        """Whether the loop will write them in its next turn."""
        self.turn_pieces = 0
        """Pieces sent since the loop last ran other callbacks."""
        self.turn_size = 0
        """Their size in bytes."""

    async def send(self, body: Any) -> None:
        """Send the whole body and the end of the answer.

        :param body: the ``response`` attribute of a Werkzeug response; or bytes, to be sent in pieces.
        :raises ConnectionResetError: if the client is gone.
        :raises InvalidResponseError: if its size differs from the Content-Length.
        :raises Exception: what the iterator raises. The connection must be cut then.
        """
        try:
            if isinstance(body, bytes):
                for offset in range(0, len(body), PIECE_SIZE):
                    if self.write_piece(body[offset : offset + PIECE_SIZE]):
                        await self.make_room()
            elif isinstance(body, FileWrapper):
                await self._send_file(body.file, *_reader_of(body))
            elif isinstance(body, AsyncIterable):
                await self._send_async(body)
            else:
                await self._send_blocking(body)
            await self.end()
        finally:
            # Pieces made before a failure are still sent.
            self.flush()

    async def end(self) -> None:
        """Write the remaining pieces and the end of the answer.

        :raises InvalidResponseError: if the content is shorter than its Content-Length.
        """
        if self.declared is not None and self.exchange.sent < self.declared:
            raise InvalidResponseError(
                f"the body has {self.exchange.sent} bytes, but its Content-Length is {self.declared}"
            )
        trailers = () if self.trailers is None else await self.trailers()
        data = b"".join(self.gathered)
        self.gathered.clear()
        if not self.exchange.client.is_gone:
            self.exchange.send_end(data, trailers)

    def write_piece(self, piece: bytes | str) -> bool:
        """Write one piece; return whether to wait with :meth:`make_room` before the next.

        Pieces that are made without a wait in between are written together, up to :data:`PIECE_SIZE`. If the
        maker waits, the loop's next turn writes what was gathered.
        """
        data = piece.encode() if isinstance(piece, str) else piece
        size = len(data)
        if not size:
            self.turn_pieces += 1
            return self.turn_pieces >= TURN_PIECES
        exchange, declared = self.exchange, self.declared
        if declared is not None and exchange.sent + size > declared:
            raise InvalidResponseError(f"the body is longer than its Content-Length, {declared} bytes")
        self.gathered.append(bytes(data))
        self.gathered_size += size
        if self.gathered_size >= PIECE_SIZE:
            self.flush()
        elif not self.is_due:
            self.is_due = True
            asyncio.get_running_loop().call_soon(self._flush_due)
        exchange.sent += size
        self.turn_pieces += 1
        self.turn_size += size
        return (
            exchange.client.is_paused
            or self.turn_size >= TURN_SIZE
            or self.turn_pieces >= TURN_PIECES
            or exchange.client_gone
        )

    def flush(self) -> None:
        """Write the gathered pieces."""
        pieces, size = self.gathered, self.gathered_size
        if pieces:
            self.gathered, self.gathered_size = [], 0
            if not self.exchange.client.is_gone:
                self.exchange.send_pieces(pieces, size)

    def _flush_due(self) -> None:
        self.is_due = False
        self.flush()

    async def make_room(self) -> None:
        """Wait until the client has room for another piece, and let the loop run other callbacks.

        Otherwise an iterator that never waits would block the other connections, and would not notice that
        its own client is gone.

        :raises ConnectionResetError: if the client is gone.
        """
        self.turn_pieces = self.turn_size = 0
        self.flush()
        if not await self.exchange.drain():
            await asyncio.sleep(0)

    async def send_part(self, file: BinaryIO, size: int, offset: int) -> None:
        """Send a part of a file: by the kernel, or read in threads.

        Others may send from the same file meanwhile, each by its own offset.

        :param size: bytes to send.
        :param offset: position in the file of the first byte.
        :raises ConnectionResetError: if the client is gone.
        :raises InvalidResponseError: if the content would exceed its Content-Length, or the file is too
            short. A part of it may have been sent.
        :raises OSError: if the file cannot be read.
        """
        exchange, declared = self.exchange, self.declared
        self.flush()
        end = exchange.sent + size
        is_sent = False
        if declared is not None:
            if end > declared:
                raise InvalidResponseError(f"the body is longer than its Content-Length, {declared} bytes")
            is_sent = await exchange.send_file(file, size, offset)
        if not is_sent:
            await self._read_part(file, size, offset)
        if exchange.sent < end:
            raise InvalidResponseError(f"the file is {end - exchange.sent} bytes too short")

    async def _read_part(self, file: BinaryIO, size: int, offset: int) -> None:
        name, strand = _reader_of(file)
        while size:
            read = functools.partial(read_at, file, min(BLOCK_SIZE, size), offset)
            block = await run_in_thread(read, name, strand)
            if not block:
                return
            offset += len(block)
            size -= len(block)
            if self.write_piece(block):
                await self.make_room()

    async def _send_async(self, body: AsyncIterable[bytes | str]) -> None:
        async for piece in body:
            if self.write_piece(piece):
                await self.make_room()

    async def _send_blocking(self, body: Iterable[bytes | str]) -> None:
        name, strand = _reader_of(body)
        iterator: Iterator[bytes | str] | None = None

        def step() -> bytes | str | None:
            nonlocal iterator
            if iterator is None:
                iterator = iter(body)
            # StopIteration cannot pass through a future, so next() gets a default.
            return next(iterator, None)

        while (piece := await run_in_thread(step, name, strand)) is not None:
            if self.write_piece(piece):
                await self.make_room()

    async def _send_file(self, file: Any, name: str, strand: Strand) -> None:
        if isinstance(file, (io.BufferedReader, io.FileIO)) and await self._sendfile(file):
            return
        # A file that has grown since its length was declared is sent up to the declared length.
        declared = self.declared
        size = BLOCK_SIZE
        while True:
            if declared is not None:
                size = min(BLOCK_SIZE, declared - self.exchange.sent)
            read = functools.partial(file.read, size)
            block = await run_in_thread(read, name, strand) if size else b""
            if not block:
                return
            if self.write_piece(block):
                await self.make_room()

    async def _sendfile(self, file: Any) -> bool:
        """Let the kernel send the file, if system, wire and framing allow it."""
        declared = self.declared
        return declared is not None and await self.exchange.send_file(file, declared, file.tell())


def read_at(file: BinaryIO, size: int, offset: int) -> bytes:
    """Return a part of a file that others may be reading too. Called in the strand of that file.

    :param size: bytes to read; at the end of the file, fewer are returned.
    :param offset: position in the file of the first byte.
    :raises OSError: if the file cannot be read.
    """
    # Only real files: a wrapper, such as gzip's, returns the descriptor of the file below it.
    if isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO)) and hasattr(os, "pread"):
        return os.pread(file.fileno(), size, offset)
    file.seek(offset)
    return file.read(size)


def _reader_of(body: object) -> tuple[str, Strand]:
    """Return the log's name for reading ``body``, and the strand for reading and closing it."""
    strand = strand_of(body)
    if strand is None:
        strand = Strand()
        note_strand(body, strand)
    name = getattr(body, "__qualname__", type(body).__qualname__)
    return f"the body {name}", strand
