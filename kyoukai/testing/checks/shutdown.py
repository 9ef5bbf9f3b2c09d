"""K6: what becomes of connections when the server stops."""

import asyncio

from werkzeug.wrappers import Request, Response

from ..subject import Subject
from . import RuleBroken, check
from .backend import GET


@check("K6.1")
async def idle(subject: Subject) -> None:
    """Stop while a connection is idle."""
    async with subject.serve(shutdown_timeout=0.1) as stage:
        line = stage.connected()
        await line.ask(GET)
        stop = asyncio.ensure_future(stage.component.server.stop(asyncio.Event()))
        await line.quiet()
        is_closed = line.transport.ended
        await stop
        if not is_closed:
            raise RuleBroken("an idle connection stays open", GET, "it is closed when the stop begins")


@check("K6.2")
async def under_way(subject: Subject) -> None:
    """Stop while a request is handled."""
    go = asyncio.Event()

    async def handle(request: Request) -> Response:
        await go.wait()
        return Response("ok")

    async with subject.serve(handle) as stage:
        line = stage.connected()
        await line.ask(GET)
        stop = asyncio.ensure_future(stage.component.server.stop(asyncio.Event()))
        await line.quiet()
        go.set()
        await line.until(lambda: line.transport.ended)
        line.transport.feed_eof()
        await stop
        outcome = line.outcome()
        found = [(answer.status, answer.content, answer.closes) for answer in outcome.answers]
        if found != [(200, b"ok", True)] or not outcome.closed:
            raise RuleBroken(f"a request under way came to {outcome!r}", GET, "its answer, and close")


@check("K6.3")
async def cut_off(subject: Subject) -> None:
    """Stop while a handler does not end."""
    cancelled = asyncio.Event()

    async def handle(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response("late")

    async with subject.serve(handle, shutdown_timeout=0.01) as stage:
        line = stage.connected()
        await line.ask(GET)
        await stage.component.server.stop(asyncio.Event())
        await line.quiet()
        if not cancelled.is_set() or not line.transport.closed:
            raise RuleBroken(
                f"handler cancelled: {cancelled.is_set()}, connection closed: {line.transport.closed}",
                GET,
                "both, after shutdown_timeout",
            )
