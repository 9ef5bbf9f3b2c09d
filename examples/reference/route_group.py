from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, route
from kyoukai.test_client import BlockingClient


class Counter(RouteGroup, prefix="/counter"):
    def __init__(self) -> None:
        self.count = 0

    @route("/", methods=["POST"])
    async def add(self, ctx: HTTPRequestContext) -> str:
        self.count += 1
        return f"{self.count} at {ctx.url_for('.add')}"


app = Kyoukai("counters")
app.add_route_group(Counter())
app.add_route_group(Counter(), name="second", prefix="/second")

with BlockingClient(app) as client:
    client.post("/counter/")
    print(client.post("/counter/").text)  # 2 at /counter/
    print(client.post("/second/").text)  # 1 at /second/
