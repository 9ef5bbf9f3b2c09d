"""An application for every server: uvicorn exported:asgi, gunicorn -k asgi exported:asgi, ..."""

from asphalt.core import Context

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.asgi import ASGIExport

app = Kyoukai("exported")


visits: list[str] = []


@app.before_serving
async def open_list(ctx: Context) -> None:
    """Run at the server's lifespan startup, or before the first request."""
    visits.append("the server's")


@app.route("/")
async def visit(ctx: HTTPRequestContext) -> dict[str, int]:
    visits.append(ctx.request.remote_addr or "somebody's")
    return {"visits": len(visits)}


# The same as app.asgi, with settings of the component.
asgi = ASGIExport(app, limits={"max_body_size": 64 * 1024}, cancel_on_disconnect=True)
