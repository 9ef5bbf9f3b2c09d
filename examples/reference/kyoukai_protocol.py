import asyncio

from kyoukai import HTTP1Backend, HTTPRequestContext, Kyoukai
from kyoukai.backends.httptools_ import KyoukaiProtocol
from kyoukai.test_client import BlockingClient


class CountingProtocol(KyoukaiProtocol):
    """A connection of the backend httptools, counted."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        CountingProtocol.count += 1
        super().connection_made(transport)


class CountingBackend(HTTP1Backend):
    api_version = 1
    protocol_class = CountingProtocol


app = Kyoukai("hello")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


with BlockingClient(app, backend=f"{__name__}:CountingBackend") as client:
    client.get("/")
print(CountingProtocol.count)  # 1
