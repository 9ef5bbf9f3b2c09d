"""A WebSocket for tests that are plain functions: each call runs the loop until it is done."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from .websocket import ClientWebSocket

Message = str | bytes


class BlockingWebSocket:
    """A :class:`~kyoukai.test_client.websocket.ClientWebSocket` whose calls are not awaited.

    While the loop stands still, between calls, nothing is received and no close is answered.

    :param websocket: what it stands for.
    :param run: runs a coroutine in the application's loop.
    """

    def __init__(self, websocket: "ClientWebSocket", run: Callable[..., Any]) -> None:
        self.websocket = websocket
        """What it stands for."""
        self._run = run

    @property
    def headers(self) -> Headers:
        """The fields of the answer, whose status is 101."""
        return self.websocket.headers

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on; ``None``: none."""
        return self.websocket.subprotocol

    @property
    def close_code(self) -> int | None:
        """The code of the server's close; ``None``: it is open."""
        return self.websocket.close_code

    @property
    def close_reason(self) -> str | None:
        """What that close said besides; ``None``: it is open."""
        return self.websocket.close_reason

    def send(self, message: Message | Iterable[Message]) -> None:
        """Send a message, or the fragments of one, and wait until the server has room for more."""
        if isinstance(message, str | bytes):
            self._run(self.websocket.send(message))
        else:
            self._run(self.websocket.send(_pieces(message)))

    def send_json(self, value: Any) -> None:
        """Send a value as JSON, in a text."""
        self._run(self.websocket.send_json(value))

    def receive(self) -> Message:
        """Return the next message, when it has come.

        :raises WebSocketClosed: if none comes any more.
        """
        message: Message = self._run(self.websocket.receive())
        return message

    def receive_text(self) -> str:
        """Return the next message, which is to be a text."""
        text: str = self._run(self.websocket.receive_text())
        return text

    def receive_bytes(self) -> bytes:
        """Return the next message, which is to be binary."""
        data: bytes = self._run(self.websocket.receive_bytes())
        return data

    def receive_json(self) -> Any:
        """Return the value that the next message is JSON of."""
        return self._run(self.websocket.receive_json())

    def __iter__(self) -> Iterator[Message]:
        """Yield messages until it is closed; :attr:`close_code` says how."""
        # By now it is known that the library is there.
        from kyoukai.websocket import WebSocketClosed

        while True:
            try:
                message = self.receive()
            except WebSocketClosed:
                return
            yield message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it, and wait for the server's answer."""
        self._run(self.websocket.close(code, reason))

    def abort(self) -> None:
        """Lose the connection without a close."""
        self.websocket.abort()


async def _pieces(pieces: Iterable[Message]) -> AsyncIterator[Message]:
    for piece in pieces:
        yield piece
