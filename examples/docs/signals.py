from asphalt.core import ContainerComponent, Context

from kyoukai import HTTPRequestContext, Kyoukai, KyoukaiComponent
from kyoukai.asphalt import ConnectionMadeEvent, RouteCompletedEvent

app = Kyoukai("signals")
seen: list[str] = []


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    ctx.route_completed.connect(completed)
    return "hello"


def completed(event: RouteCompletedEvent) -> None:
    seen.append(f"{event.route.endpoint} {event.response.status_code}")


def connected(event: ConnectionMadeEvent) -> None:
    seen.append("connection")


class Root(ContainerComponent):
    async def start(self, ctx: Context) -> None:
        self.add_component("kyoukai", app=app, port=8000)
        await super().start(ctx)
        server = ctx.require_resource(KyoukaiComponent)
        server.connection_made.connect(connected)
