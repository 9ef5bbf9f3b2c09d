"""Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html section 9.2.

One task runs the iterator of events from the first event to the last. So a context that the iterator enters,
such as a timeout, is left in the same task. The task asks for the next event when the client has room.
Between events, comments keep the connection alive and detect a client that is gone.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterable, Awaitable
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.wrappers import Response

from kyoukai.core.faults import as_error, is_end, is_fault

from .context import HTTPRequestContext
from .json_encoders import JSONEncoder
from .responses import encode_json

logger = logging.getLogger("kyoukai.web")

LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""end-of-line = ( cr lf / cr / lf ), section 9.2.5."""

HEARTBEAT: Final = b":\n\n"
"""An empty comment, which clients ignore."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream.

    :param data: the data; a dict or a list is sent as JSON. Without data, a client only notes ``id`` and
        ``retry``.
    :param event: the event type; a browser calls the listeners of this type, by default ``message``.
    :param id: the id that a client sends as ``Last-Event-ID`` after it has lost the connection.
    :param retry: milliseconds that the client waits before it reconnects.
    :param comment: text that clients ignore.
    :raises ValueError: if it is empty, ``event`` or ``id`` contains a line break, or ``id`` a NUL.
    :raises TypeError: if an argument has the wrong type.
    """

    data: str | dict[Any, Any] | list[Any] | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.data, str | dict | list | None):
            raise TypeError(f"the data of an event must be a str, a dict or a list, not {self.data!r}")
        for name in ("event", "id", "comment"):
            value = getattr(self, name)
            if not isinstance(value, str | None):
                raise TypeError(f"the {name} of an event must be a str, not {value!r}")
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and (LINE_END.search(value) or (name == "id" and "\0" in value)):
                raise ValueError(f"the {name} of an event must be one line, without NUL: {value!r}")
        if self.retry is not None and (type(self.retry) is not int or self.retry < 0):
            raise ValueError(f"retry must be a number of milliseconds, not {self.retry!r}")
        if (self.data, self.event, self.id, self.retry, self.comment) == (None,) * 5:
            raise ValueError("an event must have something in it")

    def encode(self, encoder: JSONEncoder = encode_json) -> bytes:
        """Return the event in UTF-8 as sent, with the empty line that ends it.

        :param encoder: makes JSON from a dict or a list.
        :raises ValueError: if the data cannot be encoded.
        """
        # A space follows each colon: clients remove one, so that a leading space of the value survives.
        lines = [] if self.comment is None else [f": {line}" for line in LINE_END.split(self.comment)]
        if self.event is not None:
            lines.append(f"event: {self.event}")
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        if self.data is not None:
            data = self.data if isinstance(self.data, str) else encoder(self.data)
            text = data.decode() if isinstance(data, bytes) else data
            lines += [f"data: {line}" for line in LINE_END.split(text)]
        return "".join([f"{line}\n" for line in [*lines, ""]]).encode()


def event_stream(
    ctx: HTTPRequestContext,
    events: AsyncIterable[ServerSentEvent | str | dict[Any, Any] | list[Any]],
    *,
    heartbeat: float | None = 15.0,
    retry: int | None = None,
) -> Response:
    """Return a response that sends events as they occur, until there are no more or the client is gone.

    ``events`` is then closed: a waiting async generator is cancelled, and its ``finally`` runs. The same
    happens if the client only ends its side, and when the server stops; a browser reconnects.

    :param ctx: the context of the request.
    :param events: yields events; any item that is not a :class:`ServerSentEvent` is the data of one.
    :param heartbeat: seconds without an event before a comment is sent; ``None``: never.
    :param retry: milliseconds that the client waits before it reconnects, sent first.
    :raises TypeError: if ``events`` is not an async iterable.
    :raises ValueError: if ``heartbeat`` or ``retry`` is not valid.
    """
    if not isinstance(events, AsyncIterable):
        raise TypeError(f"events must be an async iterable, such as an async generator, not {events!r}")
    if heartbeat is not None and not (isinstance(heartbeat, int | float) and heartbeat > 0):
        raise ValueError(f"heartbeat must be a number of seconds, or None, not {heartbeat!r}")
    greeting = b"" if retry is None else ServerSentEvent(retry=retry).encode()
    protocol = ctx.environ.get("kyoukai.protocol")
    stream = EventStream(events, protocol, heartbeat, greeting, ctx.app.json_encoder)
    body: Any = stream
    response = ctx.app.response_class(body, content_type="text/event-stream")
    # No cache may store it, and no proxy buffer it: the second field is for nginx.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def last_event_id(ctx: HTTPRequestContext) -> str | None:
    """Return the ``Last-Event-ID`` of a client that reconnects, or ``None``.

    :param ctx: the context of the request.
    """
    value = ctx.request.headers.get("Last-Event-ID")
    # Section 9.2.4: the value is UTF-8; an environ decodes bytes as latin-1.
    return value.encode("latin-1").decode("utf-8", "replace") if value else None


class EventStream:
    """The body of the response: encoded events, and heartbeats between them.

    :param events: yields the events.
    :param protocol: the connection, if there is one.
    :param heartbeat: seconds without an event before a comment is sent, or ``None``.
    :param greeting: the bytes to send first.
    :param encoder: makes JSON.
    """

    def __init__(
        self,
        events: AsyncIterable[Any],
        protocol: Any,
        heartbeat: float | None,
        greeting: bytes = b"",
        encoder: JSONEncoder = encode_json,
    ) -> None:
        self._events = events
        self._protocol = protocol
        self._heartbeat = heartbeat
        self._greeting = greeting
        self._encoder = encoder
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = asyncio.Event()
        self._is_waiting = False
        self._is_closed = False
        # Bytes to send, an error, or None for the end.
        self._ready: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> bytes:
        if self._greeting:
            greeting, self._greeting = self._greeting, b""
            return greeting
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self._produce()))
            if self._protocol is not None:
                for end in (self._protocol.wait_client_ended(), self._protocol.server.wait_stopping()):
                    self._tasks.append(asyncio.create_task(self._watch(end)))
        if self._is_stopping:
            raise StopAsyncIteration
        if not self._is_waiting:
            self._is_waiting = True
            self._asked.set()
        try:
            async with asyncio.timeout(self._heartbeat):
                item = await self._ready.get()
        except TimeoutError:
            return HEARTBEAT
        self._is_waiting = False
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, Exception):
            raise item
        return item

    async def aclose(self) -> None:
        """Close the iterator of events, and wait for its end."""
        self._is_closed = True
        if not self._tasks:
            await _close(self._events)
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        while not self._ready.empty():
            item = self._ready.get_nowait()
            if isinstance(item, Exception):
                logger.error("the iterator of events failed when it was closed", exc_info=item)

    @property
    def _is_stopping(self) -> bool:
        return self._protocol is not None and self._protocol.server.stopping

    async def _produce(self) -> None:
        iterator: Any = self._events
        try:
            iterator = aiter(iterator)
            # An iterator that swallows its cancellation is not asked again.
            while not self._is_closed:
                await self._asked.wait()
                self._asked.clear()
                self._ready.put_nowait(self._encode(await anext(iterator)))
        except StopAsyncIteration:
            self._ready.put_nowait(None)
        except asyncio.CancelledError:
            if self._is_closed:
                raise
            self._ready.put_nowait(RuntimeError("the iterator of events was cancelled"))
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # Otherwise it would leave the task and end the loop.
            self._ready.put_nowait(as_error(exc, "the iterator of events"))
        finally:
            await _close(iterator)

    async def _watch(self, ended: Awaitable[None]) -> None:
        await ended
        self._ready.put_nowait(None)

    def _encode(self, event: Any) -> bytes:
        return (event if isinstance(event, ServerSentEvent) else ServerSentEvent(event)).encode(self._encoder)


async def _close(iterable: AsyncIterable[Any]) -> None:
    """Close an async iterable that can be closed, and log its exception."""
    aclose = getattr(iterable, "aclose", None)
    try:
        if aclose is not None:
            await aclose()
    except BaseException as exc:
        if is_end(exc):
            raise
        logger.error("closing the iterator of events failed", exc_info=exc)
