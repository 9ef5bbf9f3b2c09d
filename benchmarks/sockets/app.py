"""Our application."""

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket, broadcast

kyoukai = Kyoukai("sockets")

everyone: set[WebSocket] = set()


@kyoukai.websocket("/", compression=True)
async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    """Send each message back."""
    async for message in ws:
        await ws.send(message)


@kyoukai.websocket("/broadcast")
async def tell(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    """Send each message to all."""
    await ws.accept()
    everyone.add(ws)
    try:
        async for message in ws:
            broadcast(everyone, message)
    finally:
        everyone.discard(ws)
