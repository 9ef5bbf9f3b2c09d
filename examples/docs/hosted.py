from typing import Any

from kyoukai.asgi import ASGIApplication


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    text = f"{scope['method']} {scope['path']}\n"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


app = ASGIApplication(hello, root_path="/shop", lifespan="off")
