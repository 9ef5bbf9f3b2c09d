from collections.abc import Callable

import pytest

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient, WebSocketRefused
from kyoukai.websocket import WebSocket

app = Kyoukai("shout")


@app.websocket("/shout", subprotocols=["shout.v1"])
async def shout(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    async for message in ws:
        if isinstance(message, bytes):
            await ws.close(4000, "texts only")
        else:
            await ws.send(message.upper())


# The same test runs in-process and over a socket.
@pytest.mark.parametrize("backend", [None, "httptools"])
def test_shout(kyoukai_client: Callable[..., BlockingClient], backend: str | None) -> None:
    client = kyoukai_client(app, backend=backend)
    with client.websocket("/shout", subprotocols=["shout.v1"]) as ws:
        assert ws.subprotocol == "shout.v1"
        ws.send("hello")
        assert ws.receive() == "HELLO"
        ws.send(b"\0")
        assert list(ws) == []
        assert (ws.close_code, ws.close_reason) == (4000, "texts only")


def test_pages_of_others(kyoukai_client: Callable[..., BlockingClient]) -> None:
    client = kyoukai_client(app)
    with pytest.raises(WebSocketRefused) as caught, client.websocket("/shout", origin="https://example.org"):
        pass
    assert caught.value.response.status_code == 403
