from collections.abc import AsyncIterator

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("report")


async def rows() -> AsyncIterator[str]:
    yield "number,square\n"
    for number in range(1000):
        yield f"{number},{number**2}\n"


@app.websocket("/report", compression=True)
async def report(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    await ws.send(rows())
