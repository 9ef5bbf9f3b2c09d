"""The same answer from every server: 200, text/plain, ``hello, world``."""

from typing import Any

from kyoukai import HTTPRequestContext, Kyoukai

BODY = b"hello, world"

kyoukai = Kyoukai("hello")


@kyoukai.route("/")
async def hello(ctx: HTTPRequestContext) -> Any:
    """Answer as a handler of ours: a Werkzeug response, by way of routing and a context."""
    return ctx.app.response_class(BODY, mimetype="text/plain")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer as a bare ASGI callable: no framework, no routing, no request object."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"12")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
