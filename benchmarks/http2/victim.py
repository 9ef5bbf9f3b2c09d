"""The application that is attacked."""

from collections.abc import AsyncIterator
from typing import Any

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("victim")

PIECE = bytes(16 * 1024)


@app.route("/", methods=["GET", "POST"])
async def hello(ctx: HTTPRequestContext) -> str:
    """Answer with text."""
    return "hello, world"


@app.route("/stream")
async def stream(ctx: HTTPRequestContext) -> Response:
    """Answer without end."""

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield PIECE

    # Werkzeug's annotation knows no asynchronous iterators.
    body: Any = pieces()
    return Response(body)
