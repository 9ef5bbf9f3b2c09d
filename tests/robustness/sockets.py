"""The server whose WebSockets are attacked: ``python -m tests.robustness.sockets SETTINGS``.

It tells at `/state` what runs in it, as :mod:`tests.robustness.target` does.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

from .target import census, main

MAX_MESSAGE_SIZE: Final = 32 * 1024 * 1024

PIECE: Final = bytes(16 * 1024)

app = Kyoukai("sockets")

under_way = {"handlers": 0, "handled": 0}


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Count a handler for as long as it runs."""
    under_way["handlers"] += 1
    try:
        yield
    finally:
        under_way["handlers"] -= 1
        under_way["handled"] += 1


@app.route("/state")
async def state(ctx: HTTPRequestContext) -> dict[str, Any]:
    """Tell what is under way; the task that answers this counts."""
    connections = len(ctx.environ["kyoukai.protocol"].server.connections)
    return {"connections": connections, "streams": 0, "tasks": len(asyncio.all_tasks()), **under_way}


@app.route("/census")
async def count(ctx: HTTPRequestContext) -> dict[str, int]:
    """Tell what there is that is no garbage."""
    return census()


@app.websocket("/echo", compression=True, max_message_size=MAX_MESSAGE_SIZE)
async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    """Send each message back."""
    await ws.accept()
    with counted():
        async for message in ws:
            await ws.send(message)


@app.websocket("/endless")
async def endless(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    """Send without end."""
    await ws.accept()
    with counted():
        while True:
            await ws.send(PIECE)


if __name__ == "__main__":
    main(app)
