"""One HTTP request of a hosted application: its ``receive`` and ``send``."""

import asyncio
from typing import Any, Final

from werkzeug.exceptions import HTTPException

from kyoukai.core.applications.answer_stream import AnswerStream, send_stream_head
from kyoukai.core.applications.exchange_form import finish_answer
from kyoukai.core.exchange.error_response import error_response
from kyoukai.core.exchange.exchange import Exchange

from .answer_heads import Start, read_start
from .extensions import send_early_hint, send_path, send_trailers, send_zero_copy
from .receiving import Reader

SMALL_SIZE: Final = 16 * 1024
"""The largest content that every wire sends together with the head, in bytes."""


class HTTPCall:
    """One call of an application for an HTTP request.

    :param exchange: the request and its answer.
    :param going_on: registers the call if it still runs after its answer.
    """

    # Class attributes for rarely changed state: other requests do not pay for them.
    start: Start | None = None
    """The application's ``http.response.start`` event."""
    stream: AnswerStream | None = None
    """Sends the content piece by piece, after the head."""
    trailers: list[Any] | None = None
    """The trailers sent so far, or ``None`` if none are announced."""
    task: "asyncio.Task[None] | None" = None
    """The task of the application after its answer. ``None``: the exchange has the task."""
    is_over = False
    """Whether the whole answer has been sent."""
    is_refused = False
    """Whether the server sent the answer, because it refused the body."""
    was_told = False
    """Whether the application has received a disconnect event."""
    waits = 0
    """The number of tasks that wait for the client, in ``receive`` or in ``send``."""
    _is_read = False
    _reader: Reader | None = None

    def __init__(self, exchange: Exchange, going_on: "set[HTTPCall]") -> None:
        self.exchange = exchange
        self._going_on = going_on

    @property
    def is_waiting(self) -> bool:
        """Whether the application waits for the client, and so will notice its loss."""
        return self.waits > 0

    # Called by the application

    async def receive(self) -> dict[str, Any]:
        """Return the next event: ``http.request`` or ``http.disconnect``.

        ``http.disconnect`` comes when the client has ended its side or is gone, when the answer is sent, and
        when the rest of the body will not arrive. A cancelled call loses no event.
        """
        exchange = self.exchange
        if self._is_read or self.is_over or exchange.body is not None:
            if self._reader is None:
                self._reader = Reader(self, self._refuse)
            return await self._reader.receive()
        self._is_read = True
        return {"type": "http.request", "body": exchange.content or b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        """Handle an event of the answer, and return when the client has room for the next.

        :raises ConnectionResetError: if the client is gone, or the server has refused the request's body.
        :raises RuntimeError: if the event is not allowed now.
        :raises TypeError: if a value has the wrong type.
        :raises InvalidResponseError: if the event cannot be sent. None of it was sent.
        """
        if self.is_over:
            # "any further messages on the channel will be ignored"
            if self.is_refused:
                raise self.note_gone()
            return
        kind = message["type"]
        if kind == "http.response.body":
            start = self.start
            if (
                start is None
                or self.stream is not None
                or message.get("more_body")
                or self.trailers is not None
            ):
                await self._send_piece(message)
                return
            body = read_body(message)
            head = start.whole_head(len(body))
            exchange = self.exchange
            if exchange.client_gone:
                raise self.note_gone()
            exchange.status = head.code
            if exchange.server.observe is not None:
                exchange.answer_head = head
            if not head.has_content:
                exchange.send_whole(head, b"")
            elif len(body) <= SMALL_SIZE or len(body) <= exchange.whole_size:
                exchange.sent = len(body)
                exchange.send_whole(head, body)
            else:
                await self._send_large(body)
            self.end()
        elif kind == "http.response.start":
            if self.start is not None:
                raise RuntimeError("http.response.start was sent twice")
            if self.exchange.client.is_gone:
                raise self.note_gone()
            self.start = read_start(message, self.exchange.head.method)
            if message.get("trailers"):
                self.trailers = []
        else:
            await self._send_other(kind, message)

    def disconnect(self) -> dict[str, Any]:
        """Return a disconnect event."""
        if not self.is_over or self.is_refused:
            self.note_told()
        return {"type": "http.disconnect"}

    def note_told(self) -> None:
        """Note that the application receives a disconnect event."""
        self.was_told = True
        self.exchange.listen(self)

    async def _refuse(self, error: HTTPException) -> None:
        """Answer in place of the application if its request's body will not arrive and it has sent nothing.

        ASGI has no event for the reason. The application gets a disconnect.
        """
        exchange = self.exchange
        if exchange.status or exchange.client_gone:
            return
        head = exchange.head
        environ = {"REQUEST_METHOD": head.method, "SERVER_PROTOCOL": f"HTTP/{head.version}"}
        rest = exchange.write_response(error_response(error, head.accept), environ)
        if rest is not None:
            await rest
        self.is_refused = True
        self.end()

    # The answer

    def begin_stream(self, size: int | None = None) -> AnswerStream:
        """Send the head unless it was sent, and return the object that sends the content.

        :param size: bytes of the content, if known.
        :raises InvalidResponseError: if the application declares another size.
        :raises RuntimeError: if there is no head.
        :raises ConnectionResetError: if the client is gone.
        """
        if self.stream is not None:
            return self.stream
        exchange, start = self.exchange, self.start
        if start is None:
            raise RuntimeError("http.response.start has to be sent first")
        if exchange.client_gone:
            raise self.note_gone()
        head = start.stream_head if size is None else start.whole_head(size)
        exchange.listen(self)
        self.stream = stream = AnswerStream(exchange, head)
        stream.gathers = True
        # An answer of unknown size may be made from the request's content, which the client has yet to send.
        send_stream_head(exchange, head, size is None and head.code < 300)
        return stream

    async def _send_piece(self, message: dict[str, Any]) -> None:
        body = read_body(message)
        stream = self.begin_stream()
        self.waits += 1
        try:
            if message.get("more_body") or self.trailers is not None:
                await stream.send(body)
            else:
                await stream.end(body)
                self.end()
        except ConnectionResetError:
            self.note_told()
            raise
        finally:
            self.waits -= 1

    async def _send_large(self, body: bytes) -> None:
        stream = self.begin_stream(len(body))
        self.waits += 1
        try:
            await stream.end_large(body)
        except ConnectionResetError:
            self.note_told()
            raise
        finally:
            self.waits -= 1

    async def _send_other(self, kind: str, message: dict[str, Any]) -> None:
        """Handle an event of an extension."""
        send = EXTENSIONS.get(kind)
        if send is None:
            raise RuntimeError(f"{kind!r} is no event that an answer has")
        self.waits += 1
        try:
            await send(self, message)
        except ConnectionResetError:
            self.note_told()
            raise
        finally:
            self.waits -= 1

    def end(self) -> None:
        """Mark the answer as sent. The connection goes on, even if the application still runs."""
        self.is_over = True
        self.task = self.exchange.task
        self._going_on.add(self)
        finish_answer(self.exchange)
        if self._reader is not None:
            self._reader.wake()

    def note_gone(self) -> ConnectionResetError:
        """Note that the application learns of a lost client, and return the exception for it."""
        self.note_told()
        return ConnectionResetError("the client is gone")


EXTENSIONS: Final[dict[str, Any]] = {
    "http.response.early_hint": send_early_hint,
    "http.response.pathsend": send_path,
    "http.response.trailers": send_trailers,
    "http.response.zerocopysend": send_zero_copy,
}
"""The handlers of extension events."""


def read_body(message: dict[str, Any]) -> bytes:
    """Return the content of an event.

    :raises TypeError: if it is not bytes.
    """
    body = message.get("body", b"")
    if type(body) is bytes:
        return body
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"the body of a message must be bytes, not {type(body).__name__}")
