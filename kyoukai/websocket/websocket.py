"""What a handler is given: one WebSocket."""

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
"""Messages sent before the loop has its turn, if the client takes them all."""


def encode_json(value: Any) -> bytes:
    """Return a value as JSON, in UTF-8: what there is for WebSockets of no application."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class WebSocket:
    """One WebSocket, as a handler has it.

    It is accepted by :meth:`accept`, or by the first use. A handler that returns closes it with 1000, one
    that raises with 1011.

    :param open_connection: opens the tunnel, with fields for the answer, and returns its connection.
    :param subprotocol: what client and route agree on.
    :param encode: what :meth:`send_json` makes JSON with, in UTF-8.
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
        """The subprotocol that was agreed on; ``None``: none."""
        self.connection: WebSocketConnection | None = None
        """``None``, as long as it is not accepted."""
        self.refused = False
        """Whether it was closed before it was accepted."""
        self._fragmenting: asyncio.Lock | None = None
        self._accepting: asyncio.Lock | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the client has been told that it is one."""
        return self.connection is not None

    @property
    def is_open(self) -> bool:
        """Whether it is accepted, and not closed."""
        return self.connection is not None and self.connection.closed is None

    @property
    def is_fragmenting(self) -> bool:
        """Whether the fragments of a message are being sent, which others wait for."""
        return self._fragmenting is not None and self._fragmenting.locked()

    @property
    def closed(self) -> WebSocketClosed | None:
        """What it was closed with; ``None``: it is not. It is what is raised then."""
        return None if self.connection is None else self.connection.closed

    @property
    def close_code(self) -> int | None:
        """The code that it was closed with; ``None``: it is not."""
        return None if self.closed is None else self.closed.code

    async def accept(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Tell the client that it is a WebSocket from now on. It may be called once.

        :param headers: fields for the answer.
        :raises RuntimeError: if it was accepted before.
        :raises WebSocketClosed: if the client is gone.
        """
        if self.connection is not None or self._accepting is not None:
            raise RuntimeError("the WebSocket is accepted already")
        try:
            await self._accept_once(headers)
        except BaseException:
            # With other fields, say, it can be accepted yet.
            self._accepting = None
            raise

    async def _accept_once(self, headers: Iterable[tuple[str, str]] = ()) -> WebSocketConnection:
        """Return the connection. Where several tasks come for it at once, one opens it for all."""
        if self._accepting is None:
            self._accepting = asyncio.Lock()
        async with self._accepting:
            if self.connection is None:
                if self.refused:
                    raise WebSocketClosed(1006, "it was closed before it was accepted")
                self.connection = await self._open_connection(headers)
        # Most are open for long: they need not keep it.
        self._accepting = None
        return self.connection

    async def receive(self) -> Message:
        """Return the next message: ``str`` for a text, ``bytes`` for a binary one.

        :raises WebSocketClosed: if none comes any more.
        """
        connection = self.connection or await self._accept_once()
        return await connection.receive()

    async def receive_text(self) -> str:
        """Return the next message, which is to be a text. It raises as :meth:`receive` does.

        :raises UnfitMessage: if it is none.
        """
        return as_text(await self.receive())

    async def receive_bytes(self) -> bytes:
        """Return the next message, which is to be binary. It raises as :meth:`receive` does.

        :raises UnfitMessage: if it is none.
        """
        return as_binary(await self.receive())

    async def receive_json(self) -> Any:
        """Return the value that the next message, of either kind, is JSON of.

        :raises WebSocketClosed: if none comes any more.
        :raises UnfitMessage: if it is no JSON, or nested too deeply to be read; it is a :exc:`ValueError`.
        """
        message = await self.receive()
        try:
            return json.loads(message)
        except ValueError as exc:
            raise UnfitMessage(INVALID_PAYLOAD, "JSON is expected") from exc
        except RecursionError:
            # A client chooses how deep its lists are: this is no failure of the handler's.
            raise UnfitMessage(INVALID_PAYLOAD, "JSON that is not nested as deeply is expected") from None

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

    async def send(self, message: Message | AsyncIterable[Message]) -> None:
        """Send a message, and wait until the client has room for more.

        :param message: a text or bytes; or an async iterator of one of them, whose pieces are sent as the
            fragments of one message. Other messages wait for its end.
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
        """Send a value as JSON, in a text. It raises as :meth:`send` does.

        What makes the JSON is the application's ``json_encoder``, as it is for answers.

        :raises TypeError: if there is no JSON of it.
        :raises ValueError: likewise, for a NaN, say.
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
        """Close it, from this side, and do not wait for the client. Nothing happens where it is closed.

        Before it is accepted, it is refused with 403.

        :param code: 1000, 1008 or 1013, say, or 4000 to 4999 for codes of your own; see RFC 6455 section 7.4.
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
                        raise TypeError(f"the fragments of one message are all of one type; {piece!r} is not")
                    else:
                        # One is held back: the last of them says that it is.
                        connection.write_fragment(opcode, held, False)
                        opcode = CONT
                        await self._drain(connection)
                    held = data
                if opcode is None:
                    raise ValueError("a message in fragments has one at least")
            except BaseException:
                if opcode is CONT:
                    # What was begun cannot be ended, and nothing can follow.
                    connection.begin_close(INTERNAL_ERROR)
                raise
            connection.write_fragment(opcode, held, True)

    async def _drain(self, connection: WebSocketConnection) -> None:
        try:
            if not await connection.drain():
                # A client that takes all that a handler sends would keep the loop for the two of them.
                await asyncio.sleep(0)
        except ConnectionResetError:
            raise connection.closed_error() from None


def as_payload(message: Message) -> tuple[Opcode, bytes]:
    """Return opcode and payload of a message.

    :raises TypeError: if it is none.
    """
    if isinstance(message, str):
        return TEXT, message.encode()
    if isinstance(message, bytes | bytearray | memoryview):
        return BINARY, bytes(message)
    raise TypeError(f"a message is str, bytes, or an async iterator of them; not {message!r}")


def broadcast(websockets: Iterable[WebSocket], message: Message) -> list[WebSocket]:
    """Send a message to many, and wait for nobody.

    :return: those that did not get it, as they do not read what they have got. Whoever wants to can close
        them, with 1013, say.
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
