import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from werkzeug.wsgi import wrap_file

from kyoukai import HTTPRequestContext, Kyoukai, Response

app = Kyoukai("streams")
finished: list[str] = []


@app.route("/count")
async def count(ctx: HTTPRequestContext) -> Response:
    async def numbers() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number}\n"
            await asyncio.sleep(0)

    response = Response(numbers(), mimetype="text/plain")
    response.call_on_close(lambda: finished.append("count"))
    return response


@app.route("/source")
def source(ctx: HTTPRequestContext) -> Response:
    path = Path(__file__)
    body = wrap_file(ctx.environ, path.open("rb"))
    return Response(body, mimetype="text/x-python", headers={"Content-Length": str(path.stat().st_size)})
