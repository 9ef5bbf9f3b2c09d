from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("sums")


@app.websocket("/sums", max_message_size=4096)
async def sums(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    for _ in range(100):
        try:
            numbers = await ws.receive_json()
            result = sum(numbers)
        except (ValueError, TypeError):
            await ws.send_json({"error": "this is no list of numbers"})
        else:
            await ws.send_json({"sum": result})
    await ws.close(4000, "that is enough")
