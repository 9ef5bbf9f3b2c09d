from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup
from kyoukai.test_client import BlockingClient
from kyoukai.web.route_group import websocket
from kyoukai.websocket import WebSocket


class Rooms(RouteGroup, prefix="/rooms"):
    @websocket("/<room>", max_message_size=1024)
    async def talk(self, ctx: HTTPRequestContext, ws: WebSocket, room: str) -> None:
        async for message in ws:
            await ws.send(f"{room}: {message!s}")


app = Kyoukai("chat")
app.add_route_group(Rooms())

with BlockingClient(app) as client, client.websocket("/rooms/tea") as ws:
    ws.send("hello")
    print(ws.receive())  # tea: hello
