from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.websocket import WebSocket, WebSocketClosed

app = Kyoukai("chat")
ends: list[tuple[int, str]] = []


@app.websocket("/chat")
async def chat(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    try:
        while True:
            await ws.send(await ws.receive())
    except WebSocketClosed as end:
        ends.append((end.code, end.reason))


with BlockingClient(app) as client, client.websocket("/chat") as ws:
    ws.close(4000, "lunch")
print(ends)  # [(4000, 'lunch')]
