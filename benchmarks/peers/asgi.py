"""A bare ASGI callable: no framework, no routing, no request object."""

import asyncio
import json
from typing import Any

from benchmarks import content
from benchmarks.peers.lifespan import live


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer each workload with as little as it takes."""
    if scope["type"] != "http":
        await live(receive, send)
        return
    match scope["path"]:
        case "/":
            await _answer(send, content.TEXT_TYPE, content.TEXT)
        case "/json":
            await _answer(send, content.JSON_TYPE, content.dumps(content.DOCUMENT))
        case "/orders":
            order = json.loads(await _body(receive))
            await _answer(send, content.JSON_TYPE, content.dumps(content.receipt(order)))
        case "/upload":
            await _answer(send, content.TEXT_TYPE, str(len(await _body(receive))).encode())
        case "/download":
            await _answer(send, content.BINARY_TYPE, content.BINARY)
        case "/stream":
            await _stream(send)
        case "/file":
            await _file(send)
        case path:
            _, _, name, _, number = path.split("/")
            await _answer(send, content.TEXT_TYPE, content.post(name, int(number)).encode())


async def _answer(send: Any, content_type: str, body: bytes) -> None:
    await _start(send, content_type, len(body))
    await send({"type": "http.response.body", "body": body})


async def _start(send: Any, content_type: str, length: int | None = None) -> None:
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _body(receive: Any) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _stream(send: Any) -> None:
    await _start(send, content.BINARY_TYPE)
    async for part in content.parts():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _file(send: Any) -> None:
    """Send the file in pieces of 64 KiB, read in threads: servers have no other way in common."""
    await _start(send, content.BINARY_TYPE, content.MEBIBYTE)
    file = await asyncio.to_thread(content.FILE.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, 65536):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        file.close()
    await send({"type": "http.response.body", "body": b""})
