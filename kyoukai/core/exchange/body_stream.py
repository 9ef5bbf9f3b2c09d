"""A request's body as it comes, for whoever answers the request.

The connection puts pieces in, and makes the client wait while too much lies unread; the reader takes
them out, in the event loop or, by :class:`~.blocking_input.BlockingInput`, in a thread. A content coding is
removed when a piece is taken, a little at a time: what few bytes stand for is never in memory whole.
"""

import asyncio
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from ..semantics.content_coding import ContentDecoder

HIGH_WATER: Final = 64 * 1024
"""Bytes unread from which on the client has to wait: asyncio's and aiohttp's. One reading of the socket
may go beyond it, by 256 KiB."""

SMALL_PIECE: Final = 4096
"""Bytes up to which pieces that nobody has read are put together: many small ones would take much memory."""


class ClientGoneError(ConnectionResetError):
    """The connection that a body came by is gone; that of a database raises a plain error."""


class BodyStream:
    """The body of one request: an asynchronous iterator of ``bytes``.

    Pieces are as they come, and never empty; a content coding is removed. One task reads at a time. It
    can be read until the request is answered. Where the body does not come whole, reading raises:

    - ``ConnectionResetError``, if the client is gone;
    - a :class:`~kyoukai.ProtocolError`, which is answered with its status if nothing catches it: 400, if
      the client ended its side or the body is malformed; 408, if it comes too slowly; 413, if it is larger
      than it may be.

    :param want: called when the reader wants more; may let the client go on. ``None``: all has come.
    :param decoder: what removes the content coding, where there is one.
    :param note_fault: called with what is wrong with the content coding, which shows when it is removed.
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
        self._left = b""  # of a piece, of which read() has returned a part
        self._offset = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_ended = want is None
        self.unread = 0
        """Bytes that lie unread, as sent."""
        self.trailers: list[tuple[bytes, bytes]] = []
        """The trailer fields of a chunked body, once it has been read to its end."""

    @classmethod
    def of(cls, content: bytes) -> "BodyStream":
        """Return the stream of a body that is in memory."""
        stream = cls()
        if content:
            stream._pieces.append(content)
        return stream

    @classmethod
    def broken(cls, error: Exception) -> "BodyStream":
        """Return the stream of a body that was refused: whoever reads it gets the error."""
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
            # There may be very much to be decoded of what is there: others have their turn, too.
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

        :param size: how many at the most; there may be fewer. Below 0: all that are still to come, in
            memory, as many as the route's ``max_body_size`` lets pass.
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
        """Return all that there is, without a wait; nothing at the end, and where there is nothing yet.

        :raises Exception: as iterating does.
        """
        if self._left:
            left, self._left = self._left[self._offset :], b""
            return left
        return self._take()

    def _take(self) -> bytes:
        """Return what there is, and nothing where there is nothing.

        :raises Exception: what the stream failed with, or its content coding does.
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
        """Whether all of it has been read, as far as can be told without reading on."""
        return self._is_ended and not (self._pieces or self._left or self._decoder or self._error)

    def check(self) -> None:
        """Raise what the stream failed with, if it did.

        :raises Exception: each time another: what was raised before has a traceback, which would lead to
            this object.
        """
        if self._error is not None:
            raise copy.copy(self._error)

    def _decode(self, decoder: "ContentDecoder") -> bytes:
        """Return the next piece of what has been decoded in part."""
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
            raise RuntimeError("another task reads this body already")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # For the connection

    @property
    def is_full(self) -> bool:
        """Whether so much lies unread that the client has to wait."""
        return self.unread > HIGH_WATER

    def feed(self, data: bytes) -> None:
        """Put a piece in. Where nobody reads any more, it is dropped."""
        if self._error is None:
            if self._pieces and len(self._pieces[-1]) + len(data) <= SMALL_PIECE:
                self._pieces[-1] += data
            else:
                self._pieces.append(data)
            self.unread += len(data)
            self._wake()

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """Note that the body is whole."""
        self._is_ended, self._want = True, None
        self.trailers = trailers
        self._wake()

    def fail(self, error: Exception) -> None:
        """Let the reader know why no more comes; what lies unread is dropped.

        :param error: raised whenever it reads from now on.
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
