from kyoukai import Blueprint, HTTPRequestContext, Kyoukai

app = Kyoukai("shops", server_name="example.com")
api = app.add_child(Blueprint("api", subdomain="api"))
shops = app.add_child(Blueprint("shops", host="<shop>.example.com"))


@app.route("/")
async def index(ctx: HTTPRequestContext) -> dict[str, str]:
    return {"api": ctx.url_for("api.version"), "books": ctx.url_for("shops.front", shop="books")}


@api.route("/version")
async def version(ctx: HTTPRequestContext) -> str:
    return "3"


@app.route("/", subdomain="status")
async def status(ctx: HTTPRequestContext) -> str:
    return "all is well"


@shops.route("/front")
async def front(ctx: HTTPRequestContext, shop: str) -> str:
    return f"<h1>{shop}</h1>"
