import asyncio

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("hints")
STYLE = ("Link", "</style.css>; rel=preload; as=style")


@app.route("/")
async def index(ctx: HTTPRequestContext) -> Response:
    ctx.send_early_hints([STYLE])
    await asyncio.sleep(0.1)  # stands for slow work, such as a database query
    return Response("<h1>Shop</h1>", mimetype="text/html", headers=[STYLE])
