"""Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html section 9.2.

What yields the events runs in one task of its own, from the first event to the last, so that what it has
entered there, such as a timeout, it leaves there. It is asked for one event at a time, when the client has
room for it. While it has none, comments keep the connection from looking dead, and show that a client is
gone which has not said so.
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
"""A comment with nothing in it, which a client ignores."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream.

    :param data: what it says; a dict or a list is sent as JSON. Without, a client is told no event: it
        takes note of ``id`` and ``retry`` alone.
    :param event: its name; a browser calls the listeners of that name, by default of ``message``.
    :param id: what a client that lost the connection says it had last, as ``Last-Event-ID``.
    :param retry: milliseconds that the client waits until it connects again.
    :param comment: what no client is told.
    :raises ValueError: if there is nothing in it, a line break in ``event`` or ``id``, or NUL in ``id``.
    :raises TypeError: if something is of the wrong type.
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
        """Return it as it is sent, in UTF-8, with the empty line that ends it.

        :param encoder: makes JSON of a dict or a list.
        :raises ValueError: if there is something in it that cannot be sent.
        """
        # A space follows each colon, since a client takes one away: what begins with one keeps it.
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
    """Return a response that sends events as they come, until there are no more or the client is gone.

    ``events`` is closed then: an async generator that waits is cancelled, and its ``finally`` runs. It is
    too where the client has only ended its side, and when the server stops; a browser connects again.

    :param ctx: the context of the request.
    :param events: yields events; what is no :class:`ServerSentEvent` is the data of one.
    :param heartbeat: seconds without an event after which a comment is sent; ``None``: never.
    :param retry: milliseconds that a client is told at first to wait until it connects again.
    :raises TypeError: if ``events`` is no async iterable.
    :raises ValueError: if ``heartbeat`` or ``retry`` is none.
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
    # Nothing may keep it, nor hold it back until there is more: nginx asks for the second.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def last_event_id(ctx: HTTPRequestContext) -> str | None:
    """Return the id of the last event that the client had, or ``None`` where it names none."""
    value = ctx.request.headers.get("Last-Event-ID")
    # Section 9.2.4: it is sent in UTF-8; an environ has bytes as latin-1.
    return value.encode("latin-1").decode("utf-8", "replace") if value else None


class EventStream:
    """The body of an answer: the events as they are sent, and heartbeats between them.

    :param events: what yields the events.
    :param protocol: the connection, if there is one.
    :param heartbeat: seconds without an event after which a comment is sent, or ``None``.
    :param greeting: what is sent first.
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
        # What there is to be sent, an error, or None for the end.
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
        """Close what yields the events, and wait until it is."""
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
                logger.error("what yields events failed when it was closed", exc_info=item)

    @property
    def _is_stopping(self) -> bool:
        return self._protocol is not None and self._protocol.server.stopping

    async def _produce(self) -> None:
        iterator: Any = self._events
        try:
            iterator = aiter(iterator)
            # One that swallows its cancellation is asked no more.
            while not self._is_closed:
                await self._asked.wait()
                self._asked.clear()
                self._ready.put_nowait(self._encode(await anext(iterator)))
        except StopAsyncIteration:
            self._ready.put_nowait(None)
        except asyncio.CancelledError:
            if self._is_closed:
                raise
            self._ready.put_nowait(RuntimeError("what yields events was cancelled"))
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # Out of a task, it would be the loop's.
            self._ready.put_nowait(as_error(exc, "what yields events"))
        finally:
            await _close(iterator)

    async def _watch(self, ended: Awaitable[None]) -> None:
        await ended
        self._ready.put_nowait(None)

    def _encode(self, event: Any) -> bytes:
        return (event if isinstance(event, ServerSentEvent) else ServerSentEvent(event)).encode(self._encoder)


async def _close(iterable: AsyncIterable[Any]) -> None:
    """Close an async iterable that can be closed, and log what that raises."""
    aclose = getattr(iterable, "aclose", None)
    try:
        if aclose is not None:
            await aclose()
    except BaseException as exc:
        if is_end(exc):
            raise
        logger.error("closing what yields events failed", exc_info=exc)
