import asyncio

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import Client, InProcessClient, LiveClient

app = Kyoukai("greetings")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return f"hello, {ctx.request.cookies.get('name', 'you')}"


async def check(client: Client) -> str:
    """Both clients have one interface."""
    async with client:
        client.set_cookie("name", "Ada")
        return (await client.get("/")).text


async def main() -> None:
    print(await check(InProcessClient(app)))  # hello, Ada
    print(await check(LiveClient(app, backend="reference")))  # hello, Ada


asyncio.run(main())
