"""K6: connections while the server stops."""

import asyncio

from werkzeug.wrappers import Request, Response

from ..stage import PATIENCE
from ..subject import Subject
from ..wire_client import shown
from . import check


@check("K6.1")
async def idle(subject: Subject) -> None:
    """Stop while a connection is idle: on HTTP/1 after a request, otherwise before the first one."""
    async with subject.serve(shutdown_timeout=0.1) as stage:
        client = subject.client(stage)
        line = client.line
        if subject.is_http:
            await client.ask()
        await line.quiet()
        is_open = not line.transport.ended
        stop = asyncio.ensure_future(stage.component.server.stop(asyncio.Event()))
        await line.quiet()
        is_closed = line.transport.ended
        await stop
        if is_open and not is_closed:
            raise client.broken("an idle connection stays open during a stop", "closed when the stop begins")


@check("K6.2")
async def under_way(subject: Subject) -> None:
    """Stop while a request is handled."""
    go = asyncio.Event()

    async def handle(request: Request) -> Response:
        await go.wait()
        return Response("ok")

    async with subject.serve(handle, shutdown_timeout=PATIENCE * subject.scale) as stage:
        client = subject.client(stage)
        line = client.line
        await client.ask()
        stop = asyncio.ensure_future(stage.component.server.stop(asyncio.Event()))
        await line.quiet()
        go.set()
        await line.until(lambda: line.transport.ended)
        line.transport.feed_eof()
        await stop
        answer, is_closed = client.answer, line.transport.ended
        found = None if answer is None else (answer.status, answer.content, answer.is_whole)
        says_close = answer is None or not subject.is_http or answer.values("connection") == ["close"]
        if found != (200, b"ok", True) or not says_close or not is_closed:
            end = f"closed: {is_closed}, says close: {says_close}"
            message = f"a request in progress got {shown(answer)}; {end}"
            raise client.broken(message, "its answer, and then the end of the connection")


@check("K6.3")
async def cut_off(subject: Subject) -> None:
    """Stop while a handler does not finish."""
    cancelled = asyncio.Event()

    async def handle(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response("late")

    async with subject.serve(handle, shutdown_timeout=0.01) as stage:
        client = subject.client(stage)
        line = client.line
        await client.ask()
        await stage.component.server.stop(asyncio.Event())
        await line.quiet()
        if not cancelled.is_set() or not line.transport.closed:
            message = f"handler cancelled: {cancelled.is_set()}, connection closed: {line.transport.closed}"
            raise client.broken(message, "both, after shutdown_timeout")
