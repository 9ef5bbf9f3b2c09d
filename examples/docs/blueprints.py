from werkzeug.exceptions import NotFound, Unauthorized
from werkzeug.wrappers import Response

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai

app = Kyoukai("library")
books = app.add_child(Blueprint("books", prefix="/books"))
TITLES = {1: "Dubliners"}


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return ctx.url_for("books.book", number=1, page=2)


@books.route("/<int:number>")
async def book(ctx: HTTPRequestContext, number: int) -> dict[str, str]:
    if number not in TITLES:
        raise NotFound("There is no such book.")
    return {"title": TITLES[number], "next": ctx.url_for(".book", number=number + 1)}


@books.before_request
async def authorize(ctx: HTTPRequestContext) -> None:
    if "Authorization" not in ctx.request.headers:
        raise Unauthorized


@app.after_request
async def mark(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["X-Endpoint"] = ctx.route.endpoint if ctx.route else "none"


@books.errorhandler(404)
async def no_such_book(ctx: HTTPRequestContext, error: NotFound) -> dict[str, str | None]:
    return {"error": error.description}


@app.errorhandler(KeyError)
async def missing(ctx: HTTPRequestContext, error: KeyError) -> tuple[str, int]:
    return f"missing: {error}", 400
