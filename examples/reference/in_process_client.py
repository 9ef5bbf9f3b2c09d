import asyncio

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("greetings")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    raise RuntimeError("the tea is cold")


async def main() -> None:
    # `app.test_client()` makes an InProcessClient.
    async with app.test_client() as client:
        answer = await client.get("/")
        print(answer.status_code, client.errors)  # 500 [RuntimeError('the tea is cold')]


asyncio.run(main())
