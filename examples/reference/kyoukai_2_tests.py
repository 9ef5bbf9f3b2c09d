import asyncio

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.testing import TestKyoukai

app = Kyoukai("hello")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


async def main() -> None:
    answer = await TestKyoukai.wrap_existing_app(app).inject_request(url="/")
    print(answer.text)  # hello


asyncio.run(main())
