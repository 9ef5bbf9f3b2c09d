from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, RouteGroup, after_request, before_request, route
from kyoukai.test_client import BlockingClient


class Pages(RouteGroup):
    @before_request
    async def refuse_bots(self, ctx: HTTPRequestContext) -> tuple[str, int] | None:
        return ("no bots", 403) if ctx.request.user_agent.string == "bot" else None

    @route("/")
    async def index(self, ctx: HTTPRequestContext) -> str:
        return "hello"

    @after_request
    async def mark(self, ctx: HTTPRequestContext, response: Response) -> None:
        response.headers["X-Pages"] = "1"


app = Kyoukai("pages")
app.add_route_group(Pages())

with BlockingClient(app) as client:
    answer = client.get("/")
    print(answer.text, answer.headers["X-Pages"])  # hello 1
    print(client.get("/", headers={"User-Agent": "bot"}).status)  # 403 FORBIDDEN
