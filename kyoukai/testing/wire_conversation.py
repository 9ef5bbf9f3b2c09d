"""Send one request through an adapter, on its own connection in memory, and read the outcome."""

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
"""Bytes of a body to encode as one piece, if the request is not sent at once."""

SINGLE_BYTES: Final = 300
"""How many bytes are sent one by one; the rest of a longer text follows in one piece."""

DEFAULT_REPLY: Final = Reply()

RESET: Final = "reset"
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to send a request.

    :param label: its name in failure messages.
    :param source: for splitting at random positions; ``None``: byte by byte, or whole.
    :param single: send byte by byte.
    :param at_once: send head, body and end together, if the server grants enough credit.
    """

    label: str
    source: random.Random | None = None
    single: bool = False
    at_once: bool = False

    def cut(self, data: bytes) -> tuple[bytes, ...]:
        """Return the pieces to send."""
        if self.source is not None:
            return random_pieces(data, self.source, 1, max(2, len(data) // self.source.randint(1, 12)))
        return cut(data, range(1, min(SINGLE_BYTES, len(data)))) if self.single else (data,)


AT_ONCE: Final = Way("at once", at_once=True)


@dataclass(frozen=True, slots=True)
class WireOutcome:
    """The outcome of one request."""

    answer: WireAnswer | None
    seen: tuple[Seen, ...]
    """The requests passed to the application."""
    closed: bool
    """Whether the server ended the connection."""
    broken: bool
    """Whether an incomplete answer is known to stay incomplete."""
    faults: tuple[str, ...] = ()
    """Errors that do not depend on the request."""

    @property
    def gets(self) -> str:
        """What the client gets: a status, ``reset`` if only its request was reset, or ``nothing``."""
        if self.answer is None:
            return NOTHING
        return str(self.answer.status) if self.answer.status else RESET

    @property
    def continued(self) -> bool:
        """Whether ``100 Continue`` was received."""
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
    """Send one request.

    :param component: the same as for :func:`~kyoukai.testing.converse`.
    :param waits: whether to wait for an answer or the end of the connection.
    :raises UnsayableError: if the wire format cannot express the request.
    """
    stage = Stage(component, ctx, timeout_scale())
    application: Any = component.app
    stage.seen = application.begin(reply)
    line = stage.line()
    # Encode before connecting: a request that cannot be expressed raises before anything is sent.
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
        """Return the encoded head.

        :raises UnsayableError: if the wire format cannot express the request.
        """
        request, adapter = self.request, self.adapter
        head = adapter.encode_head(request.method, request.target, request.fields, request.size)
        if request.trailers:
            # Only to check that the wire format can express them.
            type(adapter)().encode_end(request.trailers)
        return head

    async def send(self, head: bytes) -> None:
        """Send the request, then end the connection as the request says."""
        request, adapter = self.request, self.adapter
        room = adapter.room()
        expects = bool(request.values("expect"))
        if self.way.at_once and not expects and (room is None or len(request.body) <= room):
            # All in one piece, so that an answer may come before the body has been read.
            self.client.line.send(head + self._body(request.body) + self._end())
        else:
            await self._send_cut(head)
            # A client that expects 100 Continue waits here.
            await self.client.settle()
            if await self._send_body():
                await self._send_cut(self._end())
        if request.ending is Action.END:
            self.transport.feed_eof()
        elif request.ending is Action.RESET:
            await self.client.settle()
            self.transport.feed_reset()

    async def _send_body(self) -> bool:
        """Send the body as fast as the server takes it; return whether all of it was sent."""
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
        """Return whether there is nothing left to wait for."""
        if self.transport.ended:
            return True
        answer = self.client.answer
        return answer is not None and (answer.is_whole or answer.is_broken)

    def outcome(self, seen: tuple[Seen, ...]) -> WireOutcome:
        """Return the outcome so far."""
        answer, ended = self.client.answer, self.transport.ended
        faults = list(self.client.line.problems)
        if answer is not None and answer.rest:
            faults.append(f"after the answer the server sent {answer.rest[:200]!r}")
        broken = answer is not None and not answer.is_whole and (answer.is_broken or ended)
        return WireOutcome(answer, seen, ended, broken, tuple(faults))
