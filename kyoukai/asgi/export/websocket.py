"""A WebSocket of an ASGI server. Its messages pass through a tunnel to a WebSocket connection.

The server does the handshake, compression and the frames for the client. This module and the connection
decide on the subprotocol, the answer's fields, limits, the order of closes, and the answer of a refusal.
"""

from collections.abc import Sequence
from typing import Any

from websockets.frames import BINARY, CLOSE, PING, PONG, TEXT

from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.websocket.frame_reader import ABNORMAL_CLOSURE, INTERNAL_ERROR, NORMAL_CLOSURE, read_close
from kyoukai.websocket.frame_writer import close_payload

from .answer_heads import encode_head
from .called import CalledExchange
from .frames import ServerFrames, client_frame
from .inlet import Receive
from .outbox import Event, Send
from .scopes import HANDSHAKE, read_websocket_head
from .wire import DENIAL

Pairs = Sequence[tuple[str, str]]


class ASGIWebSocketExchange(CalledExchange):
    """A request for a WebSocket, and the WebSocket. The parameters are those of every call."""

    __slots__ = ("frames", "is_closed")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.frames: ServerFrames | None = None
        """Decodes the frames of the connection. ``None`` before the WebSocket is accepted."""
        self.is_closed = False
        """Whether either side has closed it. A later close is not sent as an event."""

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer the handshake, and return when the WebSocket has ended. It raises as every call."""
        event = await receive()
        if event["type"] == "websocket.connect":
            await super().serve(receive, send)

    def receive_scope(self) -> None:
        """Read the handshake."""
        self.receive(read_websocket_head(self.scope))

    def take_event(self, event: Event) -> bool:
        """Handle a message or the end."""
        if event["type"] == "websocket.receive":
            text = event.get("text")
            if text is None:
                self.receive_body(client_frame(BINARY, bytes(event.get("bytes") or b"")))
            else:
                # The connection detects a text that cannot be encoded.
                self.receive_body(client_frame(TEXT, text.encode("utf-8", "surrogatepass")))
            return True
        if event["type"] == "websocket.disconnect":
            self._end(event.get("code"), event.get("reason") or "")
            return False
        return True

    def _end(self, code: int | None, reason: str) -> None:
        """Note that the client has closed it, or is gone."""
        if self.tunnel is None or code is None or code == ABNORMAL_CLOSURE:
            self.lose()
            return
        if not self.is_closed:
            self.is_closed = True
            try:
                payload = close_payload(code, reason)
            except ValueError:
                # 1005 stands for a close without a code.
                payload = b""
            self.receive_body(client_frame(CLOSE, payload))
        self.end_client()

    # The end of the call

    def end_call(self) -> None:
        """End the call if neither the handler nor the tunnel is running."""
        if (self.task is None or self.task.done()) and getattr(self, "_tunnel", None) is None:
            super().end_call()

    def forget_tunnel(self) -> None:
        """Drop the tunnel. The call ends with it, or with the handler."""
        super().forget_tunnel()
        self.end_call()

    # Writing

    def send_tunnel_head(self, protocol: str, fields: Pairs) -> int:
        """Accept the WebSocket."""
        self.frames = ServerFrames()
        event: Event = {"type": "websocket.accept", "subprotocol": None, "headers": []}
        for name, value in fields:
            field = name.lower().encode("latin-1")
            if field == b"sec-websocket-protocol":
                event["subprotocol"] = value
            elif field not in HANDSHAKE and field != b"sec-websocket-accept":
                event["headers"].append((field, value.encode("latin-1")))
        self.outbox.put(event)
        return 101

    def send_data(self, data: bytes) -> None:
        """Send messages, or a piece of a refusal's answer."""
        if self.frames is None:
            self._deny({"type": "websocket.http.response.body", "body": data, "more_body": True}, len(data))
            return
        for opcode, payload in self.frames.read(data):
            if opcode is TEXT:
                self.outbox.put({"type": "websocket.send", "text": payload.decode()}, len(payload))
            elif opcode is BINARY:
                self.outbox.put({"type": "websocket.send", "bytes": payload}, len(payload))
            elif opcode is CLOSE:
                self._send_close(payload)
            elif opcode is PING:
                # The server checks whether the client is still connected.
                self.loop.call_soon(self.receive_body, client_frame(PONG, payload))

    def _send_close(self, payload: bytes) -> None:
        """Close it. The server waits for the client's close; for the connection, that has arrived."""
        if self.is_closed:
            return
        code, reason = read_close(payload) if payload else (NORMAL_CLOSURE, "")
        self.close(code, reason)
        self.loop.call_soon(self.receive_body, client_frame(CLOSE, payload))
        self.loop.call_soon(self.end_client)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close, unless one was sent."""
        if not self.is_closed:
            self.is_closed = True
            self.outbox.put({"type": "websocket.close", "code": code, "reason": reason})

    def send_head(self, head: AnswerHead) -> None:
        """Refuse it with an answer, if the server can send one. Otherwise the server sends a 403."""
        headers = list(encode_head(head, self.head.version))
        if DENIAL not in self.owner.extensions:
            self.close(NORMAL_CLOSURE)
        self._deny({"type": "websocket.http.response.start", "status": head.code, "headers": headers})

    def send_end(self, data: bytes = b"", trailers: Pairs = ()) -> None:
        """Send the end of a refusal's answer. For a tunnel, send a close unless one was sent."""
        if self.frames is None:
            self._deny({"type": "websocket.http.response.body", "body": data, "more_body": False}, len(data))
        else:
            self.close(INTERNAL_ERROR)

    def _deny(self, event: Event, size: int = 0) -> None:
        if DENIAL in self.owner.extensions:
            self.outbox.put(event, size)

    def reset(self) -> None:
        """Break the WebSocket off."""
        if self.frames is None:
            super().reset()
        else:
            self.close(INTERNAL_ERROR)
