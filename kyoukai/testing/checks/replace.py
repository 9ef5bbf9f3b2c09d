"""K5: a connection that is handed to another protocol."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from ..stage import Line
from ..subject import Subject
from . import RuleBroken, check

OFFER: Final = b"GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"
UNREAD: Final = b"\x00\x01other"


class Other(asyncio.Protocol):
    """The protocol that takes the connection over."""

    def __init__(self) -> None:
        self.received = b""
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        """Record bytes."""
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Record the end of the connection."""
        self.is_lost = True


@asynccontextmanager
async def _replaced(subject: Subject, unread: bytes) -> AsyncGenerator[tuple[Line, Other], None]:
    """Replace a connection's protocol while its request is handled."""
    others: list[Any] = []
    lines: list[Line] = []

    async def handle(request: Request) -> Response:
        others.append(lines[0].protocol.replace(Other))
        return Response("this answer must not be written")

    async with subject.serve(handle) as stage:
        lines.append(stage.connected())
        await lines[0].ask(OFFER + unread)
        if not others:
            raise RuleBroken("replace did not install the new protocol", OFFER, "the new protocol")
        yield lines[0], others[0]


@check("K5.1")
async def unread_bytes(subject: Subject) -> None:
    """Send bytes of the other protocol together with the request."""
    async with _replaced(subject, UNREAD) as (_, other):
        if not other.received.startswith(UNREAD):
            raise RuleBroken(f"the new protocol got {other.received!r}", OFFER + UNREAD, repr(UNREAD))


@check("K5.2")
async def called_no_more(subject: Subject) -> None:
    """Send bytes after the replacement, and end the connection."""
    async with _replaced(subject, b"") as (line, other):
        line.send(b"later")
        await line.quiet()
        line.transport.feed_reset()
        await line.quiet()
        if other.received != b"later" or not other.is_lost:
            raise RuleBroken(
                f"the new protocol got {other.received!r}, connection_lost called: {other.is_lost}",
                OFFER,
                "b'later', and connection_lost",
            )


@check("K5.3")
async def no_answer(subject: Subject) -> None:
    """Check that no answer is written after the replacement."""
    async with _replaced(subject, b"") as (line, _):
        await line.quiet()
        if line.transport.received:
            raise RuleBroken(f"{bytes(line.transport.received[:80])!r} was written", OFFER, "nothing")
