import asyncio

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("stopwatch")


async def count(ws: WebSocket) -> None:
    number = 0
    while True:
        number += 1
        await ws.send(str(number))
        await asyncio.sleep(0.01)


@app.websocket("/stopwatch")
async def stopwatch(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async with asyncio.TaskGroup() as tasks:
        counting = tasks.create_task(count(ws))
        async for message in ws:
            if message == "stop":
                break
        counting.cancel()
