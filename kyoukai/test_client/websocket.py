"""A WebSocket for asynchronous tests."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from typing import Any

from websockets.frames import CONT
from werkzeug.datastructures import Headers

from kyoukai.websocket import WebSocketClosed
from kyoukai.websocket.frame_reader import INTERNAL_ERROR
from kyoukai.websocket.kinds import as_binary, as_text
from kyoukai.websocket.websocket import as_payload

from .websocket_connection import ClientConnection

Message = str | bytes


class ClientWebSocket:
    """A WebSocket of a test client: ``async with client.websocket(url) as ws``.

    :param connection: the open connection.
    :param headers: the header fields of the answer.
    :param timeout: seconds that a call waits for the server.
    :param errors: exceptions of the handler, if they are to be raised.
    """

    # pytest collects classes whose names begin with Test.
    __test__ = False

    def __init__(
        self,
        connection: ClientConnection,
        headers: Headers,
        timeout: float,
        errors: Sequence[BaseException],
    ) -> None:
        self.headers = headers
        """The header fields of the 101 answer."""
        self.timeout = timeout
        self._connection = connection
        self._errors = errors
        self._seen = 0
        self._sending = asyncio.Lock()

    @property
    def subprotocol(self) -> str | None:
        """The negotiated subprotocol; ``None``: none."""
        return self._connection.protocol.subprotocol

    @property
    def close_code(self) -> int | None:
        """The code of the server's close, or of its answer to a close; ``None`` while it is open.

        It is 1005 for a close without a code, and 1006 if the connection was lost without a close.
        """
        closed = self._connection.closed
        return None if closed is None else closed.code

    @property
    def close_reason(self) -> str | None:
        """The reason of that close; ``None`` while it is open."""
        closed = self._connection.closed
        return None if closed is None else closed.reason

    async def send(self, message: Message | AsyncIterable[Message]) -> None:
        """Send a message, and wait until the server has room for more.

        :param message: text or bytes; or an async iterator of either, whose items are sent as the fragments
            of one message, each at once. Other messages wait for its end.
        :raises WebSocketClosed: if it is closed, or the server is gone.
        :raises TimeoutError: if the server has no room within :attr:`timeout`.
        """
        async with self._sending:
            if isinstance(message, AsyncIterable):
                await self._send_fragments(message)
            else:
                await self._send(*as_payload(message))

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text message. It raises the exceptions of :meth:`send`.

        :raises TypeError: if the value has no JSON form.
        """
        await self.send(json.dumps(value))

    async def receive(self) -> Message:
        """Return the next message: ``str`` for a text, ``bytes`` for a binary one.

        :raises WebSocketClosed: if no more messages can arrive.
        :raises TimeoutError: if none arrives within :attr:`timeout`.
        """
        with self._closing():
            async with self._limit("no message arrived"):
                return await self._connection.receive()

    async def receive_text(self) -> str:
        """Return the next message, which must be a text. It raises the exceptions of :meth:`receive`.

        :raises UnfitMessage: if it is binary.
        """
        return as_text(await self.receive())

    async def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary. It raises the exceptions of :meth:`receive`.

        :raises UnfitMessage: if it is a text.
        """
        return as_binary(await self.receive())

    async def receive_json(self) -> Any:
        """Return the next message parsed as JSON. It raises the exceptions of :meth:`receive`.

        :raises ValueError: if it is not JSON.
        """
        return json.loads(await self.receive())

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Message]:
        """Yield messages until the WebSocket is closed; :attr:`close_code` has the code."""
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return
            yield message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket, and wait for the server's answer. If it is closed, do nothing.

        :param code: 1000, or 3000 to 4999; see RFC 6455 section 7.4.
        :param reason: at most 123 bytes of UTF-8.
        :raises ValueError: if code or reason cannot be sent.
        """
        self._connection.begin_close(code, reason)
        await self._connection.wait_lost(self.timeout)

    def abort(self) -> None:
        """Drop the connection without a close, like a client whose machine or network fails."""
        self._connection.abort()

    def raise_unseen(self) -> None:
        """Raise the handler's exception unless a call has raised it; ``async with`` calls this at its end."""
        if len(self._errors) > self._seen:
            raise self._errors[-1]

    async def _send(self, opcode: Any, data: bytes, fin: bool = True) -> None:
        with self._closing():
            async with self._limit("the server has had no room"):
                await self._connection.send(opcode, data, fin)

    async def _send_fragments(self, pieces: AsyncIterable[Message]) -> None:
        first: Any = None
        try:
            async for piece in pieces:
                opcode, data = as_payload(piece)
                if first not in (None, opcode):
                    raise TypeError(f"fragments of a message must be all str or all bytes, not {piece!r}")
                await self._send(opcode if first is None else CONT, data, False)
                first = opcode
            if first is None:
                raise ValueError("a message must have at least one fragment")
        except BaseException:
            if first is not None:
                # The unfinished message cannot be completed, so nothing can follow it.
                self._connection.begin_close(INTERNAL_ERROR)
            raise
        await self._send(CONT, b"")

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Raise the handler's exception, if requested, in place of a WebSocketClosed."""
        try:
            yield
        except WebSocketClosed:
            if self._errors:
                self._seen = len(self._errors)
                raise self._errors[-1] from None
            raise

    @contextlib.asynccontextmanager
    async def _limit(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.timeout):
                yield
        except TimeoutError:
            raise TimeoutError(f"{what} within {self.timeout:g} seconds") from None
