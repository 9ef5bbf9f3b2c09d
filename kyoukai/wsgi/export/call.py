"""One request of a WSGI server, between its thread and the event loop.

The thread reads the request and passes the answer to the server. The loop sends it the answer through a
queue.
"""

import asyncio
import contextlib
from collections.abc import Callable, MutableMapping
from queue import SimpleQueue
from typing import Any, Final

from werkzeug.http import HTTP_STATUS_CODES

from kyoukai.asgi.export.scopes import BODILESS

READ_SIZE: Final = 64 * 1024
"""Bytes of a request body to read at a time."""

HOP_BY_HOP: Final = (b"connection", b"upgrade")
"""PEP 3333, "Other HTTP Features": an application must not send hop-by-hop fields."""

Event = MutableMapping[str, Any]


class Call:
    """The answer to one request, as an iterable that the WSGI server closes.

    :param environ: from the server.
    :param start_response: from the server.
    :param loop: the event loop in which the application answers.
    """

    def __init__(
        self, environ: dict[str, Any], start_response: Callable[..., Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._input = environ["wsgi.input"]
        self._left = body_size(environ)
        self._start_response = start_response
        self._loop = loop
        self._queue: SimpleQueue[Event] = SimpleQueue()
        self._read_by: asyncio.Future[Any] | None = None
        """Done when the thread has read a piece of the request. ``None`` while no piece is wanted."""
        self._taken_by: asyncio.Future[Any] | None = None
        """Done when the server has taken a piece of the answer."""
        self._gone = asyncio.Event()
        self._is_read = self._is_over = False

    # In the loop

    async def receive(self) -> Event:
        """Return the next piece of the body, which the thread reads. After it, wait for a disconnect."""
        if not self._is_read and not self._gone.is_set():
            data: bytes | None = b""
            if self._left:
                self._read_by = self._loop.create_future()
                self._queue.put({"type": "read"})
                data = await self._read_by
            self._is_read = not self._left
            if data is not None:
                return {"type": "http.request", "body": data, "more_body": not self._is_read}
        else:
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        """Pass an event to the thread, and wait until the server has taken it.

        :raises OSError: if the server has left.
        """
        if not self._gone.is_set():
            self._queue.put(event)
            if event.get("more_body"):
                self._taken_by = self._loop.create_future()
                await self._taken_by
        if self._gone.is_set():
            raise OSError("the server has left")

    def end(self, failure: BaseException | None) -> None:
        """Mark the end of the answer."""
        self._queue.put({"type": "end", "failure": failure})

    def _note_read(self, data: bytes | None) -> None:
        if self._read_by is not None and not self._read_by.done():
            self._read_by.set_result(data)

    def _note_taken(self) -> None:
        if self._taken_by is not None and not self._taken_by.done():
            self._taken_by.set_result(None)

    def _leave(self) -> None:
        self._gone.set()
        self._note_read(None)
        self._note_taken()

    # In the server's thread

    def begin(self) -> "Call":
        """Wait for the head of the answer, and give it to the server.

        :raises ConnectionResetError: if there is no answer, because the request was incomplete.
        :raises BaseException: an exception of the application before the head, or of the server.
        """
        try:
            self._start()
        except BaseException:
            # The server has no iterable that it could close.
            self.close()
            raise
        return self

    def _start(self) -> None:
        event = self._next()
        if event["type"] != "http.response.start":
            raise ConnectionResetError("the client is gone")
        status = event["status"]
        headers = [pair for pair in event["headers"] if pair[0] not in HOP_BY_HOP]
        self._start_response(
            f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}",
            [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
        )

    def __iter__(self) -> "Call":
        return self

    def __next__(self) -> bytes:
        while not self._is_over:
            event = self._next()
            if event["type"] == "http.response.body":
                self._is_over = not event["more_body"]
                if event["more_body"]:
                    self._tell(self._note_taken)
                if event["body"]:
                    body: bytes = event["body"]
                    return body
        raise StopIteration

    def close(self) -> None:
        """Tell the application that the server has left, with or without the whole answer."""
        self._tell(self._leave)

    def _next(self) -> Event:
        """Return the next part of the answer. Read the request meanwhile."""
        while True:
            event = self._queue.get()
            if event["type"] == "read":
                self._tell(self._note_read, self._read())
            elif event["type"] != "end":
                return event
            else:
                self._is_over = True
                failure = event.pop("failure")
                if failure is None:
                    return event
                try:
                    raise failure
                finally:
                    del failure

    def _read(self) -> bytes | None:
        size = READ_SIZE if self._left < 0 else min(self._left, READ_SIZE)
        try:
            data: bytes = self._input.read(size)
        except OSError:
            data = b""
        if self._left < 0:
            self._left = -1 if data else 0
            return data
        self._left -= len(data)
        # The rest of an incomplete body will not arrive.
        return data or None

    def _tell(self, function: Callable[..., None], *args: Any) -> None:
        # The loop is closed, so nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)


def body_size(environ: dict[str, Any]) -> int:
    """Return the number of bytes of a request body, or -1 if only its end shows it."""
    length = environ.get("CONTENT_LENGTH")
    if length and str(length).isdigit():
        return int(length)
    if environ["REQUEST_METHOD"] in BODILESS and "HTTP_TRANSFER_ENCODING" not in environ:
        return 0
    # Unless the server ends the input with the body, reading on could block for ever.
    return -1 if environ.get("wsgi.input_terminated") else 0
