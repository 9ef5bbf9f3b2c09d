import asyncio
from typing import Any

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.asgi import ASGIExport

app = Kyoukai("shop")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


# `app.asgi` is the same without settings.
# Uvicorn serves it by `uvicorn module:application`.
application = ASGIExport(app, limits={"max_body_size": 1024})


async def main() -> None:
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "raw_path": b"/"}
    scope |= {"query_string": b"", "headers": [(b"host", b"localhost")], "scheme": "http"}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.body":
            print(event["body"])  # b'hello'

    await application(scope, receive, send)


asyncio.run(main())
