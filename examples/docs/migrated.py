from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.wrappers import Response

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai, RouteGroup, route

app = Kyoukai("shop")
items = app.register_blueprint(Blueprint("items", prefix="/items"))
STOCK = {1: "cup"}


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return f'<a href="{ctx.url_for("items.show", number=1)}">the first</a>'


@items.before_request
async def authorize(ctx: HTTPRequestContext) -> None:
    if ctx.request.authorization is None:
        raise Unauthorized
    ctx.user = ctx.request.authorization.username


@items.route("/<int:number>")
async def show(ctx: HTTPRequestContext, number: int) -> dict[str, str]:
    if number not in STOCK:
        raise NotFound
    return {"item": STOCK[number]}


@items.route("/", methods=["POST"])
async def add(ctx: HTTPRequestContext) -> tuple[dict[str, int], int]:
    number = max(STOCK) + 1
    STOCK[number] = ctx.request.get_json()["name"]
    return {"number": number}, 201


@app.after_request
async def mark(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["X-Shop"] = "1"


@app.errorhandler(404)
async def failed(ctx: HTTPRequestContext, error: HTTPException) -> str:
    return f"<h1>{error.name}</h1>"


class Health(RouteGroup, prefix="/health"):
    def __init__(self, version: str) -> None:
        self.version = version

    @route("/")
    async def check(self, ctx: HTTPRequestContext) -> Response:
        return Response(f"fine: {self.version}", mimetype="text/plain")


app.add_route_group(Health("3"))
