"""Sending a body whose whole is not in memory: an iterator, an async iterator, or a file.

A piece is sent when it is there, and the next is asked for when the client has room. A plain
iterator may block, so each of its steps runs in a thread; an async iterator runs in the loop.
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
"""Bytes of a file read at once. asyncio's own sendfile fall-back reads as much."""

PIECE_SIZE: Final = 64 * 1024
"""Bytes of a body in memory written at once, where it goes in pieces: asyncio's high-water mark."""

TURN_PIECES: Final = 16
"""Pieces sent before the loop has its turn, however small they are."""

TURN_SIZE: Final = 256 * 1024
"""Bytes sent before the loop has its turn, if the client takes them all."""


class BodySender:
    """Sends the content of one answer, whose head has been written.

    :param exchange: whose answer it is; its ``sent`` is counted up.
    :param declared: the Content-Length of the answer; ``None``: it has none.
    :param trailers: makes the fields behind the content, if it has any.
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
        """What has yet to be written, in order: see :meth:`write_piece`."""
        self.gathered_size = 0
        """Its bytes."""
        self.is_due = False
        """Whether the loop is to write it at its next turn."""
        self.turn_pieces = 0
        """Pieces sent since the loop last had its turn."""
        self.turn_size = 0
        """Their bytes."""

    async def send(self, body: Any) -> None:
        """Send the whole body, and what ends it.

        :param body: what a Werkzeug response has as its ``response``; or bytes, to go in pieces.
        :raises ConnectionResetError: if the client is gone.
        :raises InvalidResponseError: if there is more or less of it than its Content-Length said.
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
            # What was there before something failed is the client's.
            self.flush()

    async def end(self) -> None:
        """End the answer, with what has yet to be written.

        :raises InvalidResponseError: if there is less of the content than its Content-Length said.
        """
        if self.declared is not None and self.exchange.sent < self.declared:
            raise InvalidResponseError(
                f"the body has {self.exchange.sent} bytes, its Content-Length says {self.declared}"
            )
        trailers = () if self.trailers is None else await self.trailers()
        data = b"".join(self.gathered)
        self.gathered.clear()
        if not self.exchange.client.is_gone:
            self.exchange.send_end(data, trailers)

    def write_piece(self, piece: bytes | str) -> bool:
        """Write one piece, and return whether to wait by :meth:`make_room` before the next.

        Pieces that come without a wait between them go together, up to :data:`PIECE_SIZE`: what there
        is when the maker waits for something is written by the loop's next turn.
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
        """Write what is gathered."""
        pieces, size = self.gathered, self.gathered_size
        if pieces:
            self.gathered, self.gathered_size = [], 0
            if not self.exchange.client.is_gone:
                self.exchange.send_pieces(pieces, size)

    def _flush_due(self) -> None:
        self.is_due = False
        self.flush()

    async def make_room(self) -> None:
        """Wait until the client has room for another piece, and the loop has had its turn.

        An iterator that never waits must not keep the loop from the other connections, nor from
        noticing that this one is gone.

        :raises ConnectionResetError: if the client is gone.
        """
        self.turn_pieces = self.turn_size = 0
        self.flush()
        if not await self.exchange.drain():
            await asyncio.sleep(0)

    async def send_part(self, file: BinaryIO, size: int, offset: int) -> None:
        """Send a part of a file: by the kernel, or read in threads.

        Others may send from the same file meanwhile, each by its own offset.

        :param size: bytes to be sent.
        :param offset: byte of the file that is the first.
        :raises ConnectionResetError: if the client is gone.
        :raises InvalidResponseError: if the content gets longer than its Content-Length, or the file is too
            short. What there is of it may have been sent.
        :raises OSError: if it cannot be read.
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
            raise InvalidResponseError(f"the file ends {end - exchange.sent} bytes before what is to be sent")

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
            # StopIteration cannot pass through a future, so next() has a default.
            return next(iterator, None)

        while (piece := await run_in_thread(step, name, strand)) is not None:
            if self.write_piece(piece):
                await self.make_room()

    async def _send_file(self, file: Any, name: str, strand: Strand) -> None:
        if isinstance(file, (io.BufferedReader, io.FileIO)) and await self._sendfile(file):
            return
        # A file that has grown since its length was declared is sent as far as declared.
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
        """Let the kernel send it, as far as system, wire and framing have it so."""
        declared = self.declared
        return declared is not None and await self.exchange.send_file(file, declared, file.tell())


def read_at(file: BinaryIO, size: int, offset: int) -> bytes:
    """Return a part of a file, whoever else reads in it; it is called in the strand of that file.

    :param size: bytes of it; fewer come, where it ends before.
    :param offset: byte of the file that is the first.
    :raises OSError: if it cannot be read.
    """
    # What others are made of files, such as gzip's, have the number of the file below.
    if isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO)) and hasattr(os, "pread"):
        return os.pread(file.fileno(), size, offset)
    file.seek(offset)
    return file.read(size)


def _reader_of(body: object) -> tuple[str, Strand]:
    """Return what the log calls the reading of ``body``, and where it runs: there it is closed, too."""
    strand = strand_of(body)
    if strand is None:
        strand = Strand()
        note_strand(body, strand)
    name = getattr(body, "__qualname__", type(body).__qualname__)
    return f"the body {name}", strand
