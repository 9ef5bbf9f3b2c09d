from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("echo")


@app.websocket("/echo")
async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)
