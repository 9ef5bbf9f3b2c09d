"""One request of an application: what its ``receive`` and its ``send`` do."""

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
"""Bytes of content that every wire sends together with its head."""


class HTTPCall:
    """One call of an application for a request by HTTP.

    :param exchange: the request and its answer.
    :param going_on: where it is noted that the application goes on behind its answer.
    """

    # What few requests change is the class's, and costs the others nothing.
    start: Start | None = None
    """What the application has sent as ``http.response.start``."""
    stream: AnswerStream | None = None
    """What sends the content piece by piece, once its head is sent."""
    trailers: list[Any] | None = None
    """The trailers sent so far; ``None``: none are announced."""
    task: "asyncio.Task[None] | None" = None
    """What the application runs in, once its answer is sent; ``None``: its exchange knows."""
    is_over = False
    """Whether the answer has been sent to its end."""
    is_refused = False
    """Whether it was the server's, since the body was refused."""
    was_told = False
    """Whether the application has been told that its client waits for nothing more."""
    waits = 0
    """How many tasks wait for the client, in ``receive`` or in ``send``."""
    _is_read = False
    _reader: Reader | None = None

    def __init__(self, exchange: Exchange, going_on: "set[HTTPCall]") -> None:
        self.exchange = exchange
        self._going_on = going_on

    @property
    def is_waiting(self) -> bool:
        """Whether the application waits for the client, and learns of its loss so."""
        return self.waits > 0

    # What the application calls

    async def receive(self) -> dict[str, Any]:
        """Return the next event: ``http.request``, or ``http.disconnect``.

        The latter comes once the client has ended its side or is gone, once the answer is sent, and where the
        rest of the body will not come. It may be cancelled, and nothing is lost by that.
        """
        exchange = self.exchange
        if self._is_read or self.is_over or exchange.body is not None:
            if self._reader is None:
                self._reader = Reader(self, self._refuse)
            return await self._reader.receive()
        self._is_read = True
        return {"type": "http.request", "body": exchange.content or b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        """Take an event of the answer, and return when the client has room for the next.

        :raises ConnectionResetError: if the client is gone, or the server has refused the request's body.
        :raises RuntimeError: if the event is none that can follow.
        :raises TypeError: if a value in it is of the wrong type.
        :raises InvalidResponseError: if it says what cannot be sent; nothing of it was.
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
        """Return the event that tells of a disconnect."""
        if not self.is_over or self.is_refused:
            self.note_told()
        return {"type": "http.disconnect"}

    def note_told(self) -> None:
        """Note that the application is told that its client waits for nothing more."""
        self.was_told = True
        self.exchange.listen(self)

    async def _refuse(self, error: HTTPException) -> None:
        """Answer for the application, whose body will not come, if it has not begun to.

        ASGI has no event that says why a body breaks off; the application is told of a disconnect.
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
        """Return what sends the content; the head is sent now, if it was not before.

        :param size: bytes of the content, where they are known.
        :raises InvalidResponseError: if another size is declared.
        :raises RuntimeError: if there is none.
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
        # Where its size is not known yet, it may be made of the request's content, which is yet to be sent.
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
        """Take an event of an extension."""
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
        """Note that the answer is sent: the connection goes on, whatever the application still does."""
        self.is_over = True
        self.task = self.exchange.task
        self._going_on.add(self)
        finish_answer(self.exchange)
        if self._reader is not None:
            self._reader.wake()

    def note_gone(self) -> ConnectionResetError:
        """Note that the application is told that its client is gone, and return what tells it."""
        self.note_told()
        return ConnectionResetError("the client is gone")


EXTENSIONS: Final[dict[str, Any]] = {
    "http.response.early_hint": send_early_hint,
    "http.response.pathsend": send_path,
    "http.response.trailers": send_trailers,
    "http.response.zerocopysend": send_zero_copy,
}
"""What takes the events of extensions."""


def read_body(message: dict[str, Any]) -> bytes:
    """Return the content that a message has.

    :raises TypeError: if it is none.
    """
    body = message.get("body", b"")
    if type(body) is bytes:
        return body
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise TypeError(f"the body of a message must be bytes, not {type(body).__name__}")
