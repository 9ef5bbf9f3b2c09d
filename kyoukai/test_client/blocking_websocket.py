"""A WebSocket for tests that are plain functions: each call runs the event loop until it is done."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from .websocket import ClientWebSocket

Message = str | bytes


class BlockingWebSocket:
    """A :class:`~kyoukai.test_client.websocket.ClientWebSocket` with blocking calls.

    Between calls the event loop does not run: nothing is received, and no close is answered.

    :param websocket: the asynchronous WebSocket behind it.
    :param run: runs a coroutine in the application's event loop.
    """

    def __init__(self, websocket: "ClientWebSocket", run: Callable[..., Any]) -> None:
        self.websocket = websocket
        """The asynchronous WebSocket behind it."""
        self._run = run

    @property
    def headers(self) -> Headers:
        """The header fields of the 101 answer."""
        return self.websocket.headers

    @property
    def subprotocol(self) -> str | None:
        """The negotiated subprotocol; ``None``: none."""
        return self.websocket.subprotocol

    @property
    def close_code(self) -> int | None:
        """The code of the server's close; ``None`` while it is open."""
        return self.websocket.close_code

    @property
    def close_reason(self) -> str | None:
        """The reason of the server's close; ``None`` while it is open."""
        return self.websocket.close_reason

    def send(self, message: Message | Iterable[Message]) -> None:
        """Send a message, or an iterable of its fragments, and wait until the server has room for more."""
        if isinstance(message, str | bytes):
            self._run(self.websocket.send(message))
        else:
            self._run(self.websocket.send(_pieces(message)))

    def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text message."""
        self._run(self.websocket.send_json(value))

    def receive(self) -> Message:
        """Wait for the next message, and return it.

        :raises WebSocketClosed: if no more messages can arrive.
        """
        message: Message = self._run(self.websocket.receive())
        return message

    def receive_text(self) -> str:
        """Return the next message, which must be a text."""
        text: str = self._run(self.websocket.receive_text())
        return text

    def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary."""
        data: bytes = self._run(self.websocket.receive_bytes())
        return data

    def receive_json(self) -> Any:
        """Return the next message parsed as JSON."""
        return self._run(self.websocket.receive_json())

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until the WebSocket is closed; :attr:`close_code` has the code."""
        # The library is installed: this WebSocket uses it.
        from kyoukai.websocket import WebSocketClosed

        while True:
            try:
                message = self.receive()
            except WebSocketClosed:
                return
            yield message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket, and wait for the server's answer."""
        self._run(self.websocket.close(code, reason))

    def abort(self) -> None:
        """Drop the connection without a close."""
        self.websocket.abort()


async def _pieces(pieces: Iterable[Message]) -> AsyncIterator[Message]:
    for piece in pieces:
        yield piece
