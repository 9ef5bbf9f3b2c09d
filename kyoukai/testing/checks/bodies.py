"""K10, flow control: bodies that nobody reads, and clients that disconnect, in any wire format."""

import asyncio
from typing import Final

from werkzeug.wrappers import Request, Response

from ..subject import Subject
from ..wire_client import shown
from . import RuleBroken, check

SIZE: Final = 4 * 1024 * 1024
"""Size in bytes of a body that nobody reads."""

UNREAD: Final = 1024 * 1024
"""How many bytes of it the server may receive: what a stream buffers, and one read from the socket."""


def numbered() -> bytes:
    """Return :data:`SIZE` bytes in which every piece is different."""
    return b"".join(b"%015d\n" % number for number in range(SIZE // 16))


@check("K10.13")
async def pauses(subject: Subject) -> None:
    """Send a large body that nobody reads."""

    async def handle(request: Request) -> Response:
        await asyncio.Event().wait()
        return Response("late")

    async with subject.serve(handle, streams=True, max_body_size=SIZE) as stage:
        client = subject.client(stage)
        client.send_head("POST", "/unread", size=SIZE)
        await client.settle()
        taken = await client.send_some(numbered())
        if taken > UNREAD:
            message = f"the server received {taken} bytes of a body that nobody reads"
            raise RuleBroken(message, client.line.sent[:200], f"at most {UNREAD}")


@check("K10.14")
async def resumes(subject: Subject) -> None:
    """Send a large body that is first left unread, and then read."""
    go, got = asyncio.Event(), bytearray()

    async def handle(request: Request) -> Response:
        await go.wait()
        async for piece in request.environ["kyoukai.body"]:
            got.extend(piece)
        return Response("read")

    async with subject.serve(handle, streams=True, max_body_size=SIZE) as stage:
        client, body = subject.client(stage), numbered()
        client.send_head("POST", "/read", size=SIZE)
        await client.settle()
        sent = await client.send_some(body)
        go.set()
        while sent < SIZE:
            if not await client.until(client.may_send):
                message = f"the client can send only {sent} bytes, although all of them were read"
                raise RuleBroken(message, client.line.sent[:200], f"all of {SIZE}")
            sent = await client.send_some(body, sent)
        client.send_end()
        answer = await client.until_answered()
        if bytes(got) != body:
            message = f"{len(got)} of {SIZE} bytes were read, and the client got {shown(answer)}"
            raise RuleBroken(message, client.line.sent[:200], "all bytes, unchanged")


@check("K10.15")
async def client_goes(subject: Subject) -> None:
    """Reset the connection while a request is handled."""
    for cancels in (True, False):
        await _client_goes(subject, cancels)


async def _client_goes(subject: Subject, cancels: bool) -> None:
    go = asyncio.Event()
    came: list[str] = []

    async def handle(request: Request) -> Response:
        came.append("begun")
        try:
            await go.wait()
        except asyncio.CancelledError:
            came.append("cancelled")
            raise
        came.append("run on")
        return Response("late")

    async with subject.serve(handle, settings={"cancel_on_disconnect": cancels}) as stage:
        client = subject.client(stage)
        await client.ask("GET", "/goes")
        if not came:
            raise client.broken("the application was not called", "one call")
        client.line.transport.feed_reset()
        await client.settle()
        go.set()
        await client.until(lambda: len(came) > 1)
        if came != ["begun", "cancelled" if cancels else "run on"]:
            message = f"with cancel_on_disconnect {cancels}, after a disconnect the handler was {came}"
            raise client.broken(message, "cancelled" if cancels else "run on")
