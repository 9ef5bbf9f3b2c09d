from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient, WebSocketRefused
from kyoukai.websocket import WebSocket

app = Kyoukai("chat")


@app.websocket("/chat")
async def chat(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    await ws.close()  # Before it is accepted: 403.


with BlockingClient(app) as client:
    try:
        with client.websocket("/chat"):
            pass
    except WebSocketRefused as error:
        print(error.response.status_code)  # 403
