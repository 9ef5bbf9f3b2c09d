"""A WebSocket as a test has it."""

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
    """One WebSocket of a client for tests, as ``async with client.websocket(url)`` yields it.

    :param connection: it is connected.
    :param headers: the fields of the answer.
    :param timeout: seconds that a call waits for the server.
    :param errors: gets what the handler fails with, where that is to be raised.
    """

    # pytest takes what is called Test... for tests.
    __test__ = False

    def __init__(
        self,
        connection: ClientConnection,
        headers: Headers,
        timeout: float,
        errors: Sequence[BaseException],
    ) -> None:
        self.headers = headers
        """The fields of the answer, whose status is 101."""
        self.timeout = timeout
        self._connection = connection
        self._errors = errors
        self._seen = 0
        self._sending = asyncio.Lock()

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on; ``None``: none."""
        return self._connection.protocol.subprotocol

    @property
    def close_code(self) -> int | None:
        """The code that the server closed it with, or answered a close with; ``None``: it is open.

        It is 1005 where the close said none, 1006 where the connection was lost without one.
        """
        closed = self._connection.closed
        return None if closed is None else closed.code

    @property
    def close_reason(self) -> str | None:
        """What that close said besides; ``None``: it is open."""
        closed = self._connection.closed
        return None if closed is None else closed.reason

    async def send(self, message: Message | AsyncIterable[Message]) -> None:
        """Send a message, and wait until the server has room for more.

        :param message: a text or bytes; or an async iterator of one of them, whose pieces are sent as the
            fragments of one message, each as it comes. Other messages wait for its end.
        :raises WebSocketClosed: if it is closed, or the server is gone.
        :raises TimeoutError: if the server has no room within :attr:`timeout`.
        """
        async with self._sending:
            if isinstance(message, AsyncIterable):
                await self._send_fragments(message)
            else:
                await self._send(*as_payload(message))

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON, in a text. It raises as :meth:`send` does.

        :raises TypeError: if there is no JSON of it.
        """
        await self.send(json.dumps(value))

    async def receive(self) -> Message:
        """Return the next message: ``str`` for a text, ``bytes`` for a binary one.

        :raises WebSocketClosed: if none comes any more.
        :raises TimeoutError: if none comes within :attr:`timeout`.
        """
        with self._closing():
            async with self._limit("no message has come"):
                return await self._connection.receive()

    async def receive_text(self) -> str:
        """Return the next message, which is to be a text. It raises as :meth:`receive` does.

        :raises UnfitMessage: if it is none.
        """
        return as_text(await self.receive())

    async def receive_bytes(self) -> bytes:
        """Return the next message, which is to be binary. It raises as :meth:`receive` does.

        :raises UnfitMessage: if it is not.
        """
        return as_binary(await self.receive())

    async def receive_json(self) -> Any:
        """Return the value that the next message is JSON of. It raises as :meth:`receive` does.

        :raises ValueError: if it is no JSON.
        """
        return json.loads(await self.receive())

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Message]:
        """Yield messages until it is closed; :attr:`close_code` says how."""
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return
            yield message

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it, and wait for the server's answer. Nothing happens where it is closed.

        :param code: 1000, or 3000 to 4999; see RFC 6455 section 7.4.
        :param reason: at most 123 bytes of UTF-8.
        :raises ValueError: if code or reason cannot be sent.
        """
        self._connection.begin_close(code, reason)
        await self._connection.wait_lost(self.timeout)

    def abort(self) -> None:
        """Lose the connection without a close, as a client does whose machine or network fails."""
        self._connection.abort()

    def raise_unseen(self) -> None:
        """Raise what the handler failed with, where no call has; the end of ``async with`` does so."""
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
                    raise TypeError(f"the fragments of one message are all of one type; {piece!r} is not")
                await self._send(opcode if first is None else CONT, data, False)
                first = opcode
            if first is None:
                raise ValueError("a message in fragments has one at least")
        except BaseException:
            if first is not None:
                # What was begun cannot be ended, and nothing can follow.
                self._connection.begin_close(INTERNAL_ERROR)
            raise
        await self._send(CONT, b"")

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Raise what the handler failed with, where that is wanted, in the place of a close."""
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
