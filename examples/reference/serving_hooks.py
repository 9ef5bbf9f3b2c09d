from collections.abc import AsyncGenerator

from asphalt.core import Context

from kyoukai import (
    HTTPRequestContext,
    Kyoukai,
    RouteGroup,
    after_serving,
    before_serving,
    route,
    while_serving,
)
from kyoukai.test_client import BlockingClient

events: list[str] = []


class Pages(RouteGroup):
    @before_serving
    async def begin(self, ctx: Context) -> None:
        events.append("before")

    @while_serving
    async def pool(self, ctx: Context) -> AsyncGenerator[None, None]:
        events.append("open")
        yield
        events.append("close")

    @route("/")
    async def index(self, ctx: HTTPRequestContext) -> str:
        events.append("request")
        return "hello"

    @after_serving
    async def end(self, ctx: Context) -> None:
        events.append("after")


app = Kyoukai("pages")
app.add_route_group(Pages())

with BlockingClient(app) as client:
    client.get("/")
print(events)  # ['before', 'open', 'request', 'close', 'after']
