import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.asgi.config import from_config

app = Kyoukai("shop")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


CONFIGURATION = f"""
component:
  type: kyoukai
  app: "{__name__}:app"
"""


with TemporaryDirectory() as folder:
    path = Path(folder, "config.yaml")
    path.write_text(CONFIGURATION)
    # In a module that uvicorn serves: `application = from_config("config.yaml")`.
    application = from_config(str(path))


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
