import asyncio

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.asphalt import ConnectionLostEvent, ConnectionMadeEvent

app = Kyoukai("hello")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


async def main() -> None:
    async with app.live_client() as client:
        ended = asyncio.Event()

        def made(event: ConnectionMadeEvent) -> None:
            print(event.source is client.component, event.topic)  # True connection_made

        def lost(event: ConnectionLostEvent) -> None:
            print("closed in order" if event.exc is None else "failed")  # closed in order
            ended.set()

        client.component.connection_made.connect(made)
        client.component.connection_lost.connect(lost)
        await client.get("/")
        await ended.wait()


asyncio.run(main())
