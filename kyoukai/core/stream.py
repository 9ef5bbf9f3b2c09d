"""Sending a body whose whole is not in memory: an iterator, an async iterator, or a file.

A piece is sent when it is there, and the next is asked for when the client has room. A plain
iterator may block, so each of its steps runs in a thread; an async iterator runs in the loop.
"""

import asyncio
import contextvars
import functools
import io
from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from werkzeug.wsgi import FileWrapper

from .serialize import InvalidResponseError

if TYPE_CHECKING:
    from .connection import Connection
    from .exchange import Exchange
    from .framing import ResponseFraming

T = TypeVar("T")

BLOCK_SIZE: Final = 256 * 1024
"""Bytes of a file read at once. asyncio's own sendfile fall-back reads as much."""

PIECE_SIZE: Final = 64 * 1024
"""Bytes of a body in memory written at once, where it goes in pieces: asyncio's high-water mark."""

LARGE_SIZE: Final = 1024 * 1024
"""A body in memory of more bytes is written in pieces, as the client takes them."""

TURN_PIECES: Final = 16
"""Pieces sent before the loop has its turn, however small they are."""

SENDFILE_SIZE: Final = 128 * 1024
"""Bytes handed to the kernel at once. A client must take as many within ``write_timeout``."""


class BodySender:
    """Sends one streamed body.

    :param connection: where to.
    :param exchange: whose answer it is; its ``sent`` is counted up.
    :param framing: how the body is delimited.
    """

    __slots__ = ("connection", "exchange", "framing", "turn_pieces", "turn_size")

    def __init__(self, connection: "Connection", exchange: "Exchange", framing: "ResponseFraming") -> None:
        self.connection = connection
        self.exchange = exchange
        self.framing = framing
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
        if isinstance(body, bytes):
            for offset in range(0, len(body), PIECE_SIZE):
                await self.send_piece(body[offset : offset + PIECE_SIZE])
        elif isinstance(body, FileWrapper):
            await self._send_file(body.file)
        elif isinstance(body, AsyncIterable):
            await self._send_async(body)
        else:
            await self._send_blocking(body)
        declared = self.framing.content_length
        if declared is not None and self.exchange.sent < declared:
            raise InvalidResponseError(
                f"the body has {self.exchange.sent} bytes, its Content-Length says {declared}"
            )
        if self.framing.chunked:
            # RFC 9112 section 7.1: last-chunk, and an empty trailer section.
            self.connection.raw_write(b"0\r\n\r\n")

    async def send_piece(self, piece: bytes | str) -> None:
        """Send one piece, and wait until the client has room for another."""
        data = piece.encode() if isinstance(piece, str) else piece
        size = len(data)
        if not size:
            # RFC 9112 section 7.1: an empty chunk would be the last one.
            return
        declared = self.framing.content_length
        if declared is not None and self.exchange.sent + size > declared:
            raise InvalidResponseError(f"the body is longer than its Content-Length, {declared} bytes")
        connection = self.connection
        connection.raw_write(b"%x\r\n%b\r\n" % (size, data) if self.framing.chunked else data)
        self.exchange.sent += size
        await connection.drain()
        self.turn_pieces += 1
        self.turn_size += size
        if self.turn_size >= PIECE_SIZE or self.turn_pieces >= TURN_PIECES:
            # An iterator that never waits must not keep the loop from the other connections, nor
            # from noticing that this one is gone.
            self.turn_pieces = self.turn_size = 0
            await asyncio.sleep(0)

    async def _send_async(self, body: AsyncIterable[bytes | str]) -> None:
        async for piece in body:
            await self.send_piece(piece)

    async def _send_blocking(self, body: Iterable[bytes | str]) -> None:
        # StopIteration cannot pass through a future, so next() has a default.
        step = functools.partial(contextvars.copy_context().run, next, iter(body), None)
        while (piece := await in_thread(step)) is not None:
            await self.send_piece(piece)

    async def _send_file(self, file: Any) -> None:
        if isinstance(file, (io.BufferedReader, io.FileIO)) and await self._sendfile(file):
            return
        # A file that has grown since its length was declared is sent as far as declared.
        declared = self.framing.content_length
        left = BLOCK_SIZE if declared is None else declared - self.exchange.sent
        while block := await in_thread(functools.partial(file.read, min(BLOCK_SIZE, left))):
            await self.send_piece(block)
            if declared is not None:
                left = declared - self.exchange.sent

    async def _sendfile(self, file: Any) -> bool:
        """Let the kernel send it, as far as loop, transport and framing have it so."""
        declared = self.framing.content_length
        transport = self.connection.transport
        if declared is None or self.connection.is_secure:
            return False
        loop = asyncio.get_running_loop()
        offset = file.tell()
        while self.exchange.sent < declared:
            count = min(SENDFILE_SIZE, declared - self.exchange.sent)
            try:
                self.connection.watch_progress()
                sent = await loop.sendfile(transport, file, offset, count, fallback=False)
            except (NotImplementedError, asyncio.SendfileNotAvailableError):
                # uvloop has none. Where nothing was sent, the other way is still open.
                return False
            finally:
                self.connection.unwatch_progress()
            if not sent:
                break
            offset += sent
            self.exchange.sent += sent
        return True


async def in_thread(step: Callable[[], T]) -> T:
    """Call ``step`` in a thread of the loop's default executor, and return what it returns.

    A cancellation waits for it: neither a generator nor a file can be closed while it is used.
    """
    future = asyncio.get_running_loop().run_in_executor(None, step)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        # Nobody is left to be told what it raised.
        future.exception()
        raise
