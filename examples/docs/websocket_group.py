from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, route
from kyoukai.web.route_group import websocket
from kyoukai.websocket import WebSocket, broadcast


class Door(RouteGroup):
    """A door that tells its watchers how often someone knocked."""

    def __init__(self) -> None:
        self.knocks = 0
        self.watchers: set[WebSocket] = set()

    @route("/knock", methods=["POST"])
    async def knock(self, ctx: HTTPRequestContext) -> None:
        self.knocks += 1
        broadcast(self.watchers, str(self.knocks))

    @websocket("/knocks")
    async def watch(self, ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.accept()
        self.watchers.add(ws)
        try:
            await ws.send(str(self.knocks))
            async for _ in ws:
                pass
        finally:
            self.watchers.discard(ws)


app = Kyoukai("doors")
app.add_route_group(Door(), name="front", prefix="/front")
app.add_route_group(Door(), name="back", prefix="/back")
