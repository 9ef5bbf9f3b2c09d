from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.websocket import WebSocket

app = Kyoukai("echo")


@app.websocket("/echo")
async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


with BlockingClient(app) as client, client.websocket("/echo") as ws:
    ws.send("hello")
    print(ws.receive())  # hello
    ws.send(b"\x00\x01")
    print(ws.receive())  # b'\x00\x01'
