from kyoukai import BodyStream, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

app = Kyoukai("uploads")


@app.post("/sizes", stream=True, max_body_size=1024**3)
async def size(ctx: HTTPRequestContext) -> dict[str, object]:
    body: BodyStream = ctx.stream()
    first = await body.read(4)
    rest = 0
    async for piece in body:
        rest += len(piece)
    return {"first": first.decode(), "rest": rest}


with BlockingClient(app) as client:
    print(client.post("/sizes", data=b"%PDF" + bytes(96)).text)  # {"first":"%PDF","rest":96}
