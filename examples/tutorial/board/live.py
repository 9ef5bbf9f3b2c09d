"""Tells every open page that the board has changed."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator

from asphalt.core import Context

from kyoukai import Blueprint, HTTPRequestContext
from kyoukai.websocket import WebSocket, broadcast

from . import store

INTERVAL = 0.5
"""Seconds between two checks of the database."""

TRY_AGAIN_LATER = 1013

live = Blueprint("live")
readers: set[WebSocket] = set()


@live.websocket("/live", max_message_size=1024)
async def listen(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    await ws.accept()
    readers.add(ws)
    try:
        # A page sends nothing. The loop ends when the page is closed.
        async for _ in ws:
            pass
    finally:
        readers.discard(ws)


async def watch() -> None:
    """Check the database for changes by any process, and tell the pages that this process serves."""
    seen = await asyncio.to_thread(store.state)
    while True:
        await asyncio.sleep(INTERVAL)
        # If another process holds the lock for too long, the next check is early enough.
        with contextlib.suppress(sqlite3.OperationalError):
            state = await asyncio.to_thread(store.state)
            if state != seen:
                seen = state
                for slow in broadcast(readers, "changed"):
                    await slow.close(TRY_AGAIN_LATER, "You read too slowly.")


@live.while_serving
async def watching(ctx: Context) -> AsyncIterator[None]:
    task = asyncio.create_task(watch())
    yield
    task.cancel()
