"""One request told by an adapter, on a connection of its own in memory, and what comes of it."""

import asyncio
import itertools
import random
from dataclasses import dataclass
from typing import Any, Final

from asphalt.core import Context

from kyoukai.asphalt import KyoukaiComponent

from .adapter import WireAdapter, WireAnswer
from .chunking import Action, cut, random_pieces
from .recorder import Reply, Seen
from .settings import timeout_scale
from .stage import Stage
from .telling import WireRequest
from .wire_client import WireClient, shown

__all__ = ("AT_ONCE", "DEFAULT_REPLY", "Way", "WireOutcome", "tell")

PIECE_SIZE: Final = 16 * 1024
"""Bytes of a body that are encoded as one piece, where it is not sent at once."""

SINGLE_BYTES: Final = 300
"""The longest text that is sent byte by byte; of a longer one only the beginning is."""

DEFAULT_REPLY: Final = Reply()

RESET: Final = "reset"
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Way:
    """How a request is sent.

    :param label: how a failure names it.
    :param source: what cuts at random what is sent; ``None``: it is sent byte by byte, or whole.
    :param single: whether it is sent byte by byte.
    :param at_once: whether head, body and end are sent together, where the server lets the client.
    """

    label: str
    source: random.Random | None = None
    single: bool = False
    at_once: bool = False

    def cut(self, data: bytes) -> tuple[bytes, ...]:
        """Return pieces of what is sent."""
        if self.source is not None:
            return random_pieces(data, self.source, 1, max(2, len(data) // self.source.randint(1, 12)))
        return cut(data, range(1, min(SINGLE_BYTES, len(data)))) if self.single else (data,)


AT_ONCE: Final = Way("at once", at_once=True)


@dataclass(frozen=True, slots=True)
class WireOutcome:
    """What came of one request."""

    answer: WireAnswer | None
    seen: tuple[Seen, ...]
    """The requests that the application was called for."""
    closed: bool
    """Whether the server has ended the connection."""
    broken: bool
    """Whether it is known that nothing more comes of an answer that is not whole."""
    faults: tuple[str, ...] = ()
    """What is wrong whatever was asked."""

    @property
    def gets(self) -> str:
        """In a word what the client gets: a status, ``reset`` where its request alone is, or ``nothing``."""
        if self.answer is None:
            return NOTHING
        return str(self.answer.status) if self.answer.status else RESET

    @property
    def continued(self) -> bool:
        """Whether ``100 Continue`` came."""
        return self.answer is not None and any(status == 100 for status, _ in self.answer.interim)

    def __str__(self) -> str:
        seen = [f"{one.method} {one.target[:80]!r} with {len(one.body)} bytes" for one in self.seen]
        fields = {} if self.answer is None else dict(self.answer.fields)
        return f"{shown(self.answer)} {fields}, closed {self.closed}, seen {seen}, faults {list(self.faults)}"


async def tell(
    component: KyoukaiComponent,
    ctx: Context,
    adapter: type[WireAdapter],
    request: WireRequest,
    *,
    way: Way = AT_ONCE,
    reply: Reply = DEFAULT_REPLY,
    waits: bool = True,
) -> WireOutcome:
    """Tell one request.

    :param component: as that of :func:`~kyoukai.testing.converse`.
    :param waits: whether an answer, or the end of the connection, must come.
    :raises UnsayableError: if the wire has no way to say it.
    """
    stage = Stage(component, ctx, timeout_scale())
    application: Any = component.app
    stage.seen = application.begin(reply)
    line = stage.line()
    # What cannot be said is found out before anything is sent.
    client = WireClient(line, adapter())
    telling = _Telling(client, request, way)
    head = telling.encoded_head()
    line.connect()
    await telling.send(head)
    if waits:
        await client.until(telling.is_over)
    await client.settle()
    outcome = telling.outcome(tuple(stage.seen))
    line.transport.feed_reset()
    await line.until(lambda: line.transport.closed)
    await line.quiet()
    return outcome


class _Telling:
    """The client's side."""

    def __init__(self, client: WireClient, request: WireRequest, way: Way) -> None:
        self.client = client
        self.adapter = client.adapter
        self.transport = client.line.transport
        self.request = request
        self.way = way

    def encoded_head(self) -> bytes:
        """Return the head, and all else where that is sent together.

        :raises UnsayableError: if the wire has no way to say something.
        """
        request, adapter = self.request, self.adapter
        head = adapter.encode_head(request.method, request.target, request.fields, request.size)
        if request.trailers:
            # Only to see whether they can be said.
            type(adapter)().encode_end(request.trailers)
        return head

    async def send(self, head: bytes) -> None:
        """Send the request, and end as the client does."""
        request, adapter = self.request, self.adapter
        room = adapter.room()
        expects = bool(request.values("expect"))
        if self.way.at_once and not expects and (room is None or len(request.body) <= room):
            # So that an answer may come before the body has been looked at.
            self.client.line.send(head + self._body(request.body) + self._end())
        else:
            await self._send_cut(head)
            # A client that expects 100 Continue waits for it here.
            await self.client.settle()
            if await self._send_body():
                await self._send_cut(self._end())
        if request.ending is Action.END:
            self.transport.feed_eof()
        elif request.ending is Action.RESET:
            await self.client.settle()
            self.transport.feed_reset()

    async def _send_body(self) -> bool:
        """Send the body as the server takes it; return whether all of it is sent."""
        body, start = self.request.body, 0
        while start < len(body):
            if self.is_over():
                return False
            if not await self.client.until(lambda: self._room() > 0 or self.is_over()):
                return False
            size = min(self._room(), PIECE_SIZE, len(body) - start)
            await self._send_cut(self._body(body[start : start + size]))
            start += size
        return True

    def _room(self) -> int:
        room = self.adapter.room()
        if not self.transport.is_reading():
            return 0
        return PIECE_SIZE if room is None else room

    def _body(self, data: bytes) -> bytes:
        return self.adapter.encode_data(data) if data else b""

    def _end(self) -> bytes:
        request = self.request
        if request.size == 0 or not request.is_whole:
            return b""
        return self.adapter.encode_end(request.trailers)

    async def _send_cut(self, data: bytes) -> None:
        pieces = self.way.cut(data) if data else ()
        for piece, turns in zip(pieces, itertools.cycle((0, 1, 2)), strict=False):
            self.client.line.send(piece)
            for _ in range(turns):
                await asyncio.sleep(0)

    def is_over(self) -> bool:
        """Return whether the client has nothing to wait for."""
        if self.transport.ended:
            return True
        answer = self.client.answer
        return answer is not None and (answer.is_whole or answer.is_broken)

    def outcome(self, seen: tuple[Seen, ...]) -> WireOutcome:
        """Return what has come of it."""
        answer, ended = self.client.answer, self.transport.ended
        faults = list(self.client.line.problems)
        if answer is not None and answer.rest:
            faults.append(f"behind the answer comes {answer.rest[:200]!r}")
        broken = answer is not None and not answer.is_whole and (answer.is_broken or ended)
        return WireOutcome(answer, seen, ended, broken, tuple(faults))
