from werkzeug.exceptions import HTTPException

from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, errorhandler, route
from kyoukai.test_client import BlockingClient


class Stock(RouteGroup, prefix="/stock"):
    @route("/<item>")
    async def show(self, ctx: HTTPRequestContext, item: str) -> str:
        return {"cup": "3 left"}[item]

    @errorhandler(KeyError)
    async def unknown(self, ctx: HTTPRequestContext, error: Exception) -> tuple[str, int]:
        return f"there is no {error}", 404

    @errorhandler(405)
    async def read_only(self, ctx: HTTPRequestContext, error: HTTPException) -> str:
        return "the stock is read-only"  # The status stays 405.


app = Kyoukai("shop")
app.add_route_group(Stock())

with BlockingClient(app) as client:
    print(client.get("/stock/pot").text)  # there is no 'pot'
    print(client.post("/stock/cup").text)  # the stock is read-only
