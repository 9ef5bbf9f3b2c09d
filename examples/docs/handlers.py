from collections.abc import Iterator

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("shop")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "<h1>Shop</h1>"


@app.route("/items/<int:number>", methods=["GET", "PUT"])
async def item(ctx: HTTPRequestContext, number: int) -> dict[str, object]:
    return {"item": number, "method": ctx.request.method}


@app.route("/items", methods=["POST"])
async def create(ctx: HTTPRequestContext) -> tuple[dict[str, str], int, dict[str, str]]:
    name = ctx.request.form["name"]
    return {"name": name}, 201, {"Location": ctx.url_for("item", number=1)}


@app.route("/items/<int:number>", methods=["DELETE"])
async def delete(ctx: HTTPRequestContext, number: int) -> None:
    return None


@app.route("/report")
def report(ctx: HTTPRequestContext) -> Iterator[str]:
    yield "<p>one</p>"
    yield "<p>two</p>"


@app.route("/robots.txt")
def robots(ctx: HTTPRequestContext) -> Response:
    return Response("User-agent: *\nDisallow:\n", mimetype="text/plain")
