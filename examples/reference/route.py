from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, route
from kyoukai.test_client import BlockingClient


class Items(RouteGroup, prefix="/items"):
    @route("/<int:number>", methods=["GET", "DELETE"], endpoint="item")
    async def item(self, ctx: HTTPRequestContext, number: int) -> str:
        return f"{ctx.request.method} {number}"


app = Kyoukai("shop")
app.add_route_group(Items())

with BlockingClient(app) as client:
    print(client.delete("/items/7").text)  # DELETE 7
    print(client.post("/items/7").status_code)  # 405
