from typing import Any

from kyoukai.asgi import ASGIApplication
from kyoukai.test_client import BlockingClient


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Any application of ASGI 3: Starlette's, FastAPI's, Django's."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['root_path']} {scope['path']}".encode()})


app = ASGIApplication(hello, root_path="/shop", lifespan="off")

# `kyoukai run module:app` serves it; a live client needs the name of a backend.
with BlockingClient(app, backend="httptools") as client:
    print(client.get("/items").text)  # /shop /shop/items
