"""K8: clients that send too much or read too slowly, and cleaning up after a connection."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

from werkzeug.wrappers import Request, Response

from ..subject import Subject
from . import RuleBroken, check
from .backend import GET


@check("K8.1")
async def pauses_reading(subject: Subject) -> None:
    """Send more requests than may be queued."""
    go = asyncio.Event()

    async def handle(request: Request) -> Response:
        await go.wait()
        return Response("ok")

    async with subject.serve(handle, max_pipelined=2) as stage:
        line = stage.connected()
        for _ in range(4):
            line.send(GET)
        await line.quiet()
        reads = line.transport.is_reading()
        go.set()
        await line.until(lambda: line.transport.received.count(b"HTTP/1.1 200 ") == 4)
        if reads:
            raise RuleBroken("reading continues while the request queue is full", GET * 4, "pause_reading()")
        if line.outcome().complete != 4:
            raise RuleBroken("not all requests were answered", GET * 4, "4 answers once the queue has room")


@check("K8.2")
async def pauses_writing(subject: Subject) -> None:
    """Stream an answer to a client that does not read."""
    count = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal count
        while count < 1000:
            count += 1
            yield b"piece"

    async def handle(request: Request) -> Response:
        body: Any = stream()
        return Response(body)

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        protocol = client.line.protocol
        protocol.pause_writing()
        client.send()
        await client.settle()
        while_paused = count
        protocol.resume_writing()
        await client.until(lambda: count == 1000)
        if while_paused > 1 or count != 1000:
            message = f"{while_paused} pieces were written while writing was paused, and {count} in all"
            raise client.broken(message, "at most one, and 1000 in all")


@check("K8.3")
async def closes_iterator(subject: Subject) -> None:
    """Reset a connection in the middle of a streamed answer."""
    closed = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield b"piece"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def handle(request: Request) -> Response:
        body: Any = stream()
        return Response(body)

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        await client.ask()
        client.line.transport.feed_reset()
        await client.settle()
        if not await client.until(closed.is_set):
            raise client.broken("the answer's iterator was not closed after a reset", "a closed iterator")


@check("K8.4")
async def nothing_is_left(subject: Subject) -> None:
    """Look for references to a connection that is gone, and for its tasks."""
    kept: dict[str, weakref.ref[Any]] = {}

    async def handle(request: Request) -> Response:
        kept["the request"] = weakref.ref(request)
        return Response("ok")

    async with subject.serve(handle) as stage:
        tasks = asyncio.all_tasks()
        client = subject.client(stage)
        await client.ask()
        line = client.line
        line.transport.feed_reset()
        await line.quiet()
        kept["the connection"] = weakref.ref(line.protocol)
        kept["the transport"] = weakref.ref(line.transport)
        sent = line.sent
        del line, client
        gc.collect()
        left = [name for name, reference in kept.items() if reference() is not None]
        if left:
            raise RuleBroken(f"references remain to {', '.join(left)}", sent, "none after the connection")
        if running := asyncio.all_tasks() - tasks:
            raise RuleBroken(f"tasks are still running: {running}", sent, "none after the connection")
