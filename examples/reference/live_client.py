import asyncio

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("uploads")


@app.post("/")
async def upload(ctx: HTTPRequestContext) -> str:
    return "thanks"


async def main() -> None:
    # `app.live_client()` makes a LiveClient, with the settings of a server.
    async with app.live_client("reference", limits={"max_body_size": 10}) as client:
        print(client.url.startswith("http://127.0.0.1:"))  # True
        print((await client.post("/", data=bytes(11))).status_code)  # 413


asyncio.run(main())
