"""An application that tells its clients the id of their request."""

from kyoukai import HTTPRequestContext, Kyoukai, Response

app = Kyoukai("numbered")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


@app.after_request
async def tell_id(ctx: HTTPRequestContext, response: Response) -> Response:
    response.headers["X-Request-ID"] = ctx.request_id
    return response
