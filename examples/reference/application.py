from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

app = Kyoukai("shop")


@app.get("/items/<int:number>")
async def item(ctx: HTTPRequestContext, number: int) -> dict[str, int]:
    return {"item": number}


# `app.run(port=8000)` serves it; a test asks it without a server.
with BlockingClient(app) as client:
    print(client.get("/items/7").text)  # {"item":7}
    print(client.get("/items/x").status_code)  # 404
