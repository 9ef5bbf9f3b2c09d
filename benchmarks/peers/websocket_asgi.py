"""WebSockets of a bare ASGI callable."""

from typing import Any

from benchmarks.peers.lifespan import live

everyone: set[Any] = set()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send messages back, or at ``/broadcast`` to all."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/broadcast":
        await _broadcast(receive, send)
        return
    while (message := await receive())["type"] == "websocket.receive":
        await send(_answer(message))


def _answer(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("text") is not None:
        return {"type": "websocket.send", "text": message["text"]}
    return {"type": "websocket.send", "bytes": message["bytes"]}


async def _broadcast(receive: Any, send: Any) -> None:
    everyone.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            answer = _answer(message)
            for one in tuple(everyone):
                await one(answer)
    finally:
        everyone.discard(send)
