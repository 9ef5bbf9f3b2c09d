from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.websocket import UnfitMessage, WebSocket

app = Kyoukai("sums")


@app.websocket("/sum")
async def add(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    while True:
        try:
            numbers = await ws.receive_json()
        except UnfitMessage as error:
            await ws.send(str(error))  # Otherwise: closed with `error.code`.
        else:
            await ws.send_json({"sum": sum(numbers)})


with BlockingClient(app) as client, client.websocket("/sum") as ws:
    ws.send("[1, 2")
    print(ws.receive())  # JSON is expected
    ws.send("[1, 2]")
    print(ws.receive())  # {"sum":3}
