from kyoukai import HTTPRequestContext, Kyoukai, Request
from kyoukai.test_client import BlockingClient


class ShopRequest(Request):
    """The class of `ctx.request`."""

    @property
    def currency(self) -> str:
        return self.cookies.get("currency", "EUR")


app = Kyoukai("shop", request_class=ShopRequest)


@app.get("/price")
async def price(ctx: HTTPRequestContext) -> str:
    if not isinstance(ctx.request, ShopRequest):
        raise TypeError(ctx.request)
    return f"{ctx.request.args['amount']} {ctx.request.currency}"


with BlockingClient(app) as client:
    print(client.get("/price?amount=7").text)  # 7 EUR
