"""A request's body as it arrives, for the code that answers the request.

The connection puts pieces in, and makes the client wait while too much is unread. The reader takes them out:
in the event loop, or in a thread through :class:`~.blocking_input.BlockingInput`. A content coding is decoded
when a piece is taken, a little at a time, so that a small compressed body never expands in memory all at
once.
"""

import asyncio
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from ..semantics.content_coding import ContentDecoder

HIGH_WATER: Final = 64 * 1024
"""Unread bytes above which the client has to wait: the mark of asyncio and aiohttp. One read from the socket
may exceed it by 256 KiB."""

SMALL_PIECE: Final = 4096
"""Bytes up to which unread pieces are joined: many small ones would take much memory."""


class ClientGoneError(ConnectionResetError):
    """The client's connection is gone. A database's lost connection raises a plain ConnectionResetError."""


class BodyStream:
    """The body of one request: an asynchronous iterator of ``bytes``.

    It yields pieces as they arrive, decoded and never empty. One task reads at a time, until the request is
    answered. If the body does not arrive whole, reading raises:

    - ``ConnectionResetError``, if the client is gone;
    - a :class:`~kyoukai.ProtocolError`, which becomes the answer unless it is caught: 400 if the client ended
      its side or the body is malformed; 408 if it is too slow; 413 if it is larger than allowed.

    :param want: called when the reader wants more; may let the client continue. ``None``: the body is
        complete.
    :param decoder: decodes the content coding, if there is one.
    :param note_fault: called with an error of the content coding, which appears when it is decoded.
    """

    __slots__ = (
        "__weakref__",
        "_decoded",
        "_decoder",
        "_error",
        "_is_ended",
        "_left",
        "_note_fault",
        "_offset",
        "_pieces",
        "_waiter",
        "_want",
        "trailers",
        "unread",
    )

    def __init__(
        self,
        want: Callable[[], None] | None = None,
        decoder: "ContentDecoder | None" = None,
        note_fault: "Callable[[HTTPException], None] | None" = None,
    ) -> None:
        self._want = want
        self._decoder = decoder
        self._note_fault = note_fault
        self._pieces: list[bytes] = []
        self._decoded: Iterator[bytes] = iter(())
        self._left = b""  # a piece that read() has returned in part
        self._offset = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_ended = want is None
        self.unread = 0
        """Unread bytes, as sent."""
        self.trailers: list[tuple[bytes, bytes]] = []
        """The trailer fields of a chunked body, after it was read to its end."""

    @classmethod
    def of(cls, content: bytes) -> "BodyStream":
        """Return the stream of a body that is in memory."""
        stream = cls()
        if content:
            stream._pieces.append(content)
        return stream

    @classmethod
    def broken(cls, error: Exception) -> "BodyStream":
        """Return the stream of a refused body: reading it raises ``error``."""
        stream = cls()
        stream.fail(error)
        return stream

    # For the reader

    def __aiter__(self) -> "BodyStream":
        return self

    async def __anext__(self) -> bytes:
        if self._left:
            left, self._left = self._left[self._offset :], b""
            return left
        if self._decoder is not None:
            # A few bytes may decode to very many: let the loop run other callbacks in between.
            await asyncio.sleep(0)
        while True:
            piece = self._take()
            if piece:
                return piece
            if self._is_ended:
                raise StopAsyncIteration
            await self._wait()

    async def read(self, size: int = -1) -> bytes:
        """Return the next bytes; none at the end.

        :param size: the most bytes to return; there may be fewer. Below 0: read the whole rest into memory,
            up to the route's ``max_body_size``.
        :raises Exception: as iterating does.
        """
        if size < 0:
            return b"".join([piece async for piece in self])
        if not size:
            return b""
        if not self._left:
            self._left, self._offset = await anext(self, b""), 0
        start = self._offset
        piece = self._left[start : start + size]
        self._offset = start + len(piece)
        if self._offset >= len(self._left):
            self._left = b""
        return piece

    def take(self) -> bytes:
        """Return everything available without waiting; nothing at the end, or if nothing has arrived.

        :raises Exception: as iterating does.
        """
        if self._left:
            left, self._left = self._left[self._offset :], b""
            return left
        return self._take()

    def _take(self) -> bytes:
        """Return the available bytes, or nothing.

        :raises Exception: why the stream or its content coding failed.
        """
        self.check()
        if self._decoder is not None and (decoded := self._decode(self._decoder)):
            return decoded
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self.unread = 0
            if self._want is not None:
                self._want()
            if self._decoder is None:
                return data
            self._decoded = self._decoder.pieces(data)
            return self._take()
        if self._want is not None:
            self._want()
        return b""

    @property
    def is_exhausted(self) -> bool:
        """Whether the body was read to its end, as far as is known without reading more."""
        return self._is_ended and not (self._pieces or self._left or self._decoder or self._error)

    def check(self) -> None:
        """Raise the error of the stream, if it failed.

        :raises Exception: a new copy each time: a raised exception has a traceback, which would refer to this
            object.
        """
        if self._error is not None:
            raise copy.copy(self._error)

    def _decode(self, decoder: "ContentDecoder") -> bytes:
        """Return the next piece of data that is being decoded."""
        try:
            piece = next(self._decoded, b"")
            if not piece and not self._pieces and self._is_ended:
                decoder.finish()
        except HTTPException as error:
            if self._note_fault is not None:
                self._note_fault(copy.copy(error))
            self.fail(copy.copy(error))
            raise
        return piece

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another task is already reading this body")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # For the connection

    @property
    def is_full(self) -> bool:
        """Whether so much is unread that the client has to wait."""
        return self.unread > HIGH_WATER

    def feed(self, data: bytes) -> None:
        """Add a piece; drop it if the stream has failed."""
        if self._error is None:
            if self._pieces and len(self._pieces[-1]) + len(data) <= SMALL_PIECE:
                self._pieces[-1] += data
            else:
                self._pieces.append(data)
            self.unread += len(data)
            self._wake()

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """Note that the body is complete."""
        self._is_ended, self._want = True, None
        self.trailers = trailers
        self._wake()

    def fail(self, error: Exception) -> None:
        """End the stream with an error, and drop what is unread.

        :param error: raised by every read from now on.
        """
        if self._error is None:
            self._error, self._want, self._note_fault = error, None, None
            self._pieces.clear()
            self._decoded, self._left = iter(()), b""
            self.unread = 0
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
