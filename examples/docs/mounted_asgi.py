from typing import Any

from kyoukai import HTTPRequestContext, Kyoukai


async def shop(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The old application; stands for one of FastAPI, Starlette or Django."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"].upper()})
    elif scope["type"] == "lifespan":
        await receive()
        scope["state"]["currency"] = "EUR"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        text = f"{scope['path']} below {scope['root_path']} takes {scope['state']['currency']}"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})


app = Kyoukai("shop")  # replaces the old one, page by page
app.mount("/v2", shop)


@app.route("/v2/stock")
async def stock(ctx: HTTPRequestContext) -> str:
    return "Kyoukai's stock"
