"""Sends each message back, with all that Autobahn's cases want to be agreed on."""

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("echo")


# The largest messages of the cases have 16 MiB.
@app.websocket("/", compression=True, max_message_size=16 * 1024 * 1024, origins="*")
async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)
