"""The WebSocket object of a handler."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final

from websockets.frames import BINARY, CONT, TEXT, Opcode

from .connection import WebSocketConnection
from .errors import UnfitMessage, WebSocketClosed
from .frame_reader import INTERNAL_ERROR, INVALID_PAYLOAD
from .kinds import as_binary, as_text

Message = str | bytes

TURN_MESSAGES: Final = 16
"""Messages sent before yielding to the event loop, if the client takes them all."""


def encode_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8: the encoder of WebSockets without an application."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class WebSocket:
    """One WebSocket, as the argument of a handler.

    :meth:`accept` or the first use accepts it. It is closed with 1000 when the handler returns, and with 1011
        when it raises.

    :param open_connection: opens the tunnel with fields for the answer, and returns its connection.
    :param subprotocol: the negotiated subprotocol.
    :param encode: makes the JSON of :meth:`send_json`, in UTF-8.
    """

    def __init__(
        self,
        open_connection: Callable[[Iterable[tuple[str, str]]], Awaitable[WebSocketConnection]],
        subprotocol: str | None,
        encode: Callable[[Any], bytes] = encode_json,
    ) -> None:
        self._open_connection = open_connection
        self._encode = encode
        self.subprotocol = subprotocol
        """The negotiated subprotocol; ``None``: none."""
        self.connection: WebSocketConnection | None = None
        """The connection; ``None`` until the WebSocket is accepted."""
        self.refused = False
        """Whether it was closed before it was accepted."""
        self._fragmenting: asyncio.Lock | None = None
        self._accepting: asyncio.Lock | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether it has been accepted."""
        return self.connection is not None

    @property
    def is_open(self) -> bool:
        """Whether it is accepted and not closed."""
        return self.connection is not None and self.connection.closed is None

    @property
    def is_fragmenting(self) -> bool:
        """Whether fragments of a message are being sent, for which other messages wait."""
        return self._fragmenting is not None and self._fragmenting.locked()

    @property
    def closed(self) -> WebSocketClosed | None:
        """The exception that calls raise after the end, with code and reason; ``None`` before it."""
        return None if self.connection is None else self.connection.closed

    @property
    def close_code(self) -> int | None:
        """The close code; ``None`` while it is not closed."""
        return None if self.closed is None else self.closed.code

    async def accept(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Accept the WebSocket: send the answer to the handshake. It may be called once.

        :param headers: header fields for the answer.
        :raises RuntimeError: if it was accepted before.
        :raises WebSocketClosed: if the client is gone.
        """
        if self.connection is not None or self._accepting is not None:
            raise RuntimeError("the WebSocket is accepted already")
        try:
            await self._accept_once(headers)
        except BaseException:
            # It can still be accepted, for example with other fields.
            self._accepting = None
            raise

    async def _accept_once(self, headers: Iterable[tuple[str, str]] = ()) -> WebSocketConnection:
        """Return the connection. If several tasks ask at once, one of them opens it."""
        if self._accepting is None:
            self._accepting = asyncio.Lock()
        async with self._accepting:
            if self.connection is None:
                if self.refused:
                    raise WebSocketClosed(1006, "it was closed before it was accepted")
                self.connection = await self._open_connection(headers)
        # Free the lock: most WebSockets stay open for long.
        self._accepting = None
        return self.connection

    async def receive(self) -> Message:
        """Return the next message: ``str`` for a text, ``bytes`` for a binary one.

        :raises WebSocketClosed: if no more messages can arrive.
        """
        connection = self.connection or await self._accept_once()
        return await connection.receive()

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
        """Return the next message, of either kind, parsed as JSON.

        :raises WebSocketClosed: if no more messages can arrive.
        :raises UnfitMessage: if it is not JSON, or nested too deeply; this is a :exc:`ValueError`.
        """
        message = await self.receive()
        try:
            return json.loads(message)
        except ValueError as exc:
            raise UnfitMessage(INVALID_PAYLOAD, "JSON is expected") from exc
        except RecursionError:
            # The client chooses the depth of its lists: not an error of the handler.
            raise UnfitMessage(INVALID_PAYLOAD, "JSON that is not nested as deeply is expected") from None

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

    async def send(self, message: Message | AsyncIterable[Message]) -> None:
        """Send a message, and wait until the client has room for more.

        :param message: text or bytes; or an async iterator of either, whose items are sent as the fragments
            of one message. Other messages wait for its end.
        :raises WebSocketClosed: if it is closed, or the client is gone.
        """
        connection = self.connection
        if connection is None or self._fragmenting is not None:
            connection = await self._be_next()
        if isinstance(message, AsyncIterable):
            await self._send_fragments(connection, message)
        else:
            connection.write_message(*as_payload(message))
        if connection.is_paused or not connection.traffic.sent % TURN_MESSAGES:
            await self._drain(connection)

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text message. It raises the exceptions of :meth:`send`.

        The encoder is the application's ``json_encoder``, as for answers.

        :raises TypeError: if the value has no JSON form.
        :raises ValueError: if the value cannot be encoded, for example a NaN.
        """
        data = self._encode(value)
        connection = self.connection
        if connection is None or self._fragmenting is not None:
            connection = await self._be_next()
        connection.write_message(TEXT, data)
        if connection.is_paused or not connection.traffic.sent % TURN_MESSAGES:
            await self._drain(connection)

    async def _be_next(self) -> WebSocketConnection:
        """Return the connection once a message may be sent."""
        connection = self.connection or await self._accept_once()
        if self._fragmenting is not None:
            async with self._fragmenting:
                pass
        return connection

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket without waiting for the client. If it is closed, do nothing.

        Before it is accepted, this refuses it with 403.

        :param code: the close code, for example 1000, 1008 or 1013, or 4000 to 4999 for private codes; see
            RFC 6455 section 7.4.
        :param reason: at most 123 bytes of UTF-8.
        :raises ValueError: if code or reason cannot be sent.
        """
        if self.connection is None:
            self.refused = True
        else:
            self.connection.begin_close(code, reason)

    async def _send_fragments(self, connection: WebSocketConnection, pieces: AsyncIterable[Message]) -> None:
        if self._fragmenting is None:
            self._fragmenting = asyncio.Lock()
        async with self._fragmenting:
            opcode: Any = None
            held = b""
            try:
                async for piece in pieces:
                    this, data = as_payload(piece)
                    if opcode is None:
                        opcode = first = this
                    elif this is not first:
                        raise TypeError(f"fragments of a message must be all str or all bytes, not {piece!r}")
                    else:
                        # Hold one fragment back: the last one carries the FIN bit.
                        connection.write_fragment(opcode, held, False)
                        opcode = CONT
                        await self._drain(connection)
                    held = data
                if opcode is None:
                    raise ValueError("a message must have at least one fragment")
            except BaseException:
                if opcode is CONT:
                    # The unfinished message cannot be completed, so nothing can follow it.
                    connection.begin_close(INTERNAL_ERROR)
                raise
            connection.write_fragment(opcode, held, True)

    async def _drain(self, connection: WebSocketConnection) -> None:
        try:
            if not await connection.drain():
                # A fast client and its handler would otherwise occupy the event loop.
                await asyncio.sleep(0)
        except ConnectionResetError:
            raise connection.closed_error() from None


def as_payload(message: Message) -> tuple[Opcode, bytes]:
    """Return opcode and payload of a message.

    :raises TypeError: if it is neither text nor bytes.
    """
    if isinstance(message, str):
        return TEXT, message.encode()
    if isinstance(message, bytes | bytearray | memoryview):
        return BINARY, bytes(message)
    raise TypeError(f"a message must be str, bytes, or an async iterator of either, not {message!r}")


def broadcast(websockets: Iterable[WebSocket], message: Message) -> list[WebSocket]:
    """Send a message to many WebSockets without waiting.

    :param websockets: the receivers; those that are closed or not accepted are skipped.
    :param message: text or bytes.
    :return: the slow receivers, which did not get it, as they have not read earlier messages. The caller may
        close them, for example with 1013.
    :raises TypeError: if the message is neither text nor bytes.
    """
    opcode, data = as_payload(message)
    slow = []
    for websocket in tuple(websockets):
        connection = websocket.connection
        if connection is None or connection.closed is not None:
            continue
        if connection.is_paused or websocket.is_fragmenting:
            slow.append(websocket)
            continue
        try:
            connection.write_message(opcode, data)
        except WebSocketClosed:
            continue
    return slow
