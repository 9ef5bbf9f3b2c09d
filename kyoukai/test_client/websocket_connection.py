"""The client's end of a WebSocket: the library ``websockets`` over any asyncio transport."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import BINARY, CONT, TEXT, Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri
from werkzeug.datastructures import Headers

from kyoukai.core.connection.resets import set_reset
from kyoukai.core.exchange.client_state import ClientState
from kyoukai.websocket import WebSocketClosed
from kyoukai.websocket.frame_reader import ABNORMAL_CLOSURE, INVALID_PAYLOAD
from kyoukai.websocket.frame_writer import close_payload
from kyoukai.websocket.inbox import Inbox

UNREAD_SIZE: Final = 64 * 1024
"""Bytes of unreceived messages at which reading pauses."""

CLOSE_TIMEOUT: Final = 10.0
"""Seconds that a server has to answer a close and end the connection."""

OF_HANDSHAKE: Final = ("connection", "upgrade", "sec-websocket-")
"""Prefixes of the fields of the answer that the library reads."""


class ClientConnection(asyncio.Protocol):
    """One WebSocket of a test client.

    While the event loop runs, it reads, and answers pings and closes. It pauses reading at
    :data:`UNREAD_SIZE` bytes of unreceived messages.

    :param subprotocols: the subprotocols to offer, the preferred first.
    :param origin: the origin of the page; ``None``: not from a page.
    :param compression: whether to offer permessage-deflate.
    """

    transport: asyncio.Transport

    def __init__(self, subprotocols: Sequence[str], origin: Any, compression: bool) -> None:
        offered: list[Any] = list(subprotocols)
        self.protocol = ClientProtocol(
            parse_uri("ws://localhost/"),
            origin=origin,
            extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)] if compression else None,
            subprotocols=offered or None,
            max_size=None,
        )
        self.server = ClientState(asyncio.get_running_loop())
        """Whether the server is there and keeps up."""
        self.inbox = Inbox(UNREAD_SIZE)
        self.lost = asyncio.Event()
        """Set when the connection is gone."""
        self._early = b""
        self._is_held = self._is_closing = False
        self._opcode = CONT
        self._parts: list[bytes] = []
        """Parts of the incomplete message."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The fields of the handshake to add to a request."""
        fields = self.protocol.connect().headers.raw_items()
        return [(name, value) for name, value in fields if name != "Host"]

    def switched(self, headers: Headers, unread: bytes = b"") -> None:
        """Take the head of the 101 answer, before the transport.

        :param unread: bytes that arrived after it.
        """
        fields = [f"{name}: {value}" for name, value in headers if name.lower().startswith(OF_HANDSHAKE)]
        lines = ["HTTP/1.1 101 Switching Protocols", *fields, "", ""]
        self._early = "\r\n".join(lines).encode("latin-1") + unread

    def check(self) -> None:
        """Check that the answer fits the request.

        :raises websockets.exceptions.InvalidHandshake: if it does not.
        """
        if self.protocol.handshake_exc is not None:
            self.transport.abort()
            raise self.protocol.handshake_exc

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment]
        self.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        """Read bytes of the server."""
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (TEXT, BINARY, CONT):
                self._take(event)
        self._flush()

    def eof_received(self) -> None:
        """Note the server's end; the client ends too."""
        self.protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the tasks that wait."""
        self.protocol.receive_eof()
        self.server.lose()
        self.inbox.wake()
        self.lost.set()

    def pause_writing(self) -> None:
        """Note that the server does not keep up."""
        self.server.pause()

    def resume_writing(self) -> None:
        """Note that the server has caught up."""
        self.server.resume()

    # Reading

    def _take(self, frame: Frame) -> None:
        """Append a frame to its message, and store the message if it is complete."""
        if frame.opcode is not CONT:
            self._opcode = frame.opcode
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        if self._is_closing:
            # After a close no test receives it.
            return
        try:
            self.inbox.put(data.decode() if self._opcode is TEXT else data)
        except UnicodeDecodeError:
            self.protocol.fail(INVALID_PAYLOAD, "text that is no UTF-8")
            return
        if self.inbox.is_full and not self._is_held:
            self._is_held = True
            self.transport.pause_reading()

    def _go_on(self) -> None:
        if self._is_held and not self.inbox.is_full:
            self._is_held = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    @property
    def is_over(self) -> bool:
        """Whether no more messages can arrive."""
        protocol = self.protocol
        return self._is_closing or protocol.close_rcvd is not None or protocol.state is not OPEN

    @property
    def closed(self) -> WebSocketClosed | None:
        """The server's close; ``None`` if it is open, or the server has not answered a close."""
        close = self.protocol.close_rcvd
        if close is not None:
            return WebSocketClosed(int(close.code), close.reason)
        if not self.lost.is_set() and self.protocol.parser_exc is None:
            return None
        closed = WebSocketClosed(ABNORMAL_CLOSURE)
        closed.__cause__ = self.protocol.parser_exc
        return closed

    @property
    def closed_error(self) -> WebSocketClosed:
        """The exception for calls after a close from either side."""
        sent = self.protocol.close_sent
        if self.closed is not None or sent is None:
            return self.closed or WebSocketClosed(ABNORMAL_CLOSURE)
        return WebSocketClosed(int(sent.code), sent.reason)

    async def receive(self) -> str | bytes:
        """Return the next message.

        :raises WebSocketClosed: if no more messages can arrive.
        """
        while not self.inbox:
            if self.is_over:
                raise self.closed_error
            await self.inbox.wait()
        message = self.inbox.take()
        self._go_on()
        return message

    # Writing

    def _flush(self) -> None:
        """Write the library's pending bytes, and wake the receiver at the end."""
        for data in self.protocol.data_to_send():
            if not data:
                self.transport.close()
            elif not self.transport.is_closing():
                self.transport.write(data)
        if self.is_over:
            self.inbox.wake()

    async def send(self, opcode: Opcode, data: bytes, fin: bool = True) -> None:
        """Send a frame, and wait until the server has room for more.

        :raises WebSocketClosed: if it is closed, or the server is gone.
        """
        if self.is_over:
            raise self.closed_error
        if opcode is CONT:
            self.protocol.send_continuation(data, fin)
        else:
            (self.protocol.send_text if opcode is TEXT else self.protocol.send_binary)(data, fin)
        self._flush()
        try:
            await self.server.wait_room()
        except ConnectionResetError:
            raise self.closed_error from None

    # Closing

    def begin_close(self, code: int, reason: str = "") -> None:
        """Close the WebSocket if it is open, and drop unreceived messages.

        :raises ValueError: if code or reason cannot be sent.
        """
        close_payload(code, reason)
        self._is_closing = True
        if self.protocol.state is OPEN:
            self.protocol.send_close(code, reason)
        self.inbox.clear()
        self._flush()
        self._go_on()

    async def wait_lost(self, within: float) -> None:
        """Wait until the connection is gone; abort it after a timeout.

        :param within: seconds to wait, at most :data:`CLOSE_TIMEOUT`.
        """
        try:
            async with asyncio.timeout(min(within, CLOSE_TIMEOUT)):
                await self.lost.wait()
        except TimeoutError:
            self.transport.abort()

    def abort(self) -> None:
        """Drop the connection."""
        if not self.lost.is_set():
            set_reset(self.transport, True)
            self.transport.abort()
