"""The lifespan of a bare ASGI callable, which has nothing to start or stop."""

from typing import Any


async def live(receive: Any, send: Any) -> None:
    """Say that each step is done, until the last."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
