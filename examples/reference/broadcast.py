from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.websocket import WebSocket, broadcast

app = Kyoukai("chat")
room: set[WebSocket] = set()


@app.websocket("/room")
async def join(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    await ws.accept()
    room.add(ws)
    try:
        async for message in ws:
            for slow in broadcast(room, message):
                await slow.close(1013)
    finally:
        room.discard(ws)


with BlockingClient(app) as client, client.websocket("/room") as ada, client.websocket("/room") as bo:
    ada.send("hello")
    print(ada.receive(), bo.receive())  # hello hello
