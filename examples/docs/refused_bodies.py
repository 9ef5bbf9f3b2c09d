from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("pictures")


@app.post("/pictures", max_body_size=5 * 1024**2)
async def upload(ctx: HTTPRequestContext) -> dict[str, int]:
    return {"size": len(ctx.request.get_data())}


@app.errorhandler(RequestEntityTooLarge)
async def too_large(ctx: HTTPRequestContext, error: RequestEntityTooLarge) -> dict[str, str]:
    return {"error": "A picture has up to 5 MiB."}


@app.after_request
async def allow_other_origins(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["Access-Control-Allow-Origin"] = "https://example.org"
