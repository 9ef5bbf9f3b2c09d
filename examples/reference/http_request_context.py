from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

app = Kyoukai("guests")


@app.get("/guests/<int:guest>")
async def show(ctx: HTTPRequestContext, guest: int) -> dict[str, object]:
    return {
        "url": ctx.url_for("show", guest=guest + 1),
        "page": ctx.request.args.get("page", 1, type=int),
        "params": dict(ctx.params),
    }


with BlockingClient(app) as client:
    print(client.get("/guests/3?page=2").json)  # {'url': '/guests/4', 'page': 2, 'params': {'guest': 3}}
