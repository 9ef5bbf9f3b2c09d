from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket, broadcast

app = Kyoukai("prices")
listeners: set[WebSocket] = set()


@app.websocket("/prices", max_message_size=1024)
async def prices(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    await ws.accept()
    listeners.add(ws)
    try:
        # The client sends nothing. The loop ends when it goes away.
        async for _ in ws:
            pass
    finally:
        listeners.discard(ws)


@app.route("/prices", methods=["POST"])
async def change(ctx: HTTPRequestContext) -> None:
    for slow in broadcast(listeners, ctx.request.form["price"]):
        await slow.close(1013, "you read too slowly")
