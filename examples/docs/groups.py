from werkzeug.exceptions import Unauthorized

from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, before_request, errorhandler, route


class Shelf(RouteGroup):
    """Things by number."""

    def __init__(self, *titles: str) -> None:
        self.titles = list(titles)
        self.requests = 0

    @before_request
    async def count(self, ctx: HTTPRequestContext) -> None:
        self.requests += 1

    async def authorize(self, ctx: HTTPRequestContext) -> None:
        if ctx.request.authorization is None:
            raise Unauthorized

    @route("/")
    async def index(self, ctx: HTTPRequestContext) -> dict[str, object]:
        return {"titles": self.titles, "first": ctx.url_for(".show", number=0), "requests": self.requests}

    @route("/<int:number>")
    async def show(self, ctx: HTTPRequestContext, number: int) -> str:
        return self.titles[number]

    @route("/<int:number>", methods=["DELETE"], before=[authorize])
    async def remove(self, ctx: HTTPRequestContext, number: int) -> None:
        del self.titles[number]

    @errorhandler(IndexError)
    async def missing(self, ctx: HTTPRequestContext, error: IndexError) -> tuple[str, int]:
        return "Nothing has this number.", 404


class Albums(Shelf, name="albums", prefix="/albums"):
    async def show(self, ctx: HTTPRequestContext, number: int) -> str:
        return f"<i>{await super().show(ctx, number)}</i>"


app = Kyoukai("library")
app.add_route_group(Shelf("Dubliners", "Ulysses"), name="books", prefix="/books")
app.add_route_group(Albums("Hejira"))
