"""WebSockets of aiohttp.web: ``python -m benchmarks.peers.websocket_aiohttp PORT``."""

import sys

import uvloop
from aiohttp import WSMsgType, web

everyone: set[web.WebSocketResponse] = set()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send each message back."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws


async def broadcast(request: web.Request) -> web.WebSocketResponse:
    """Send each message to all."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    everyone.add(ws)
    try:
        async for message in ws:
            for one in tuple(everyone):
                await one.send_str(message.data)
    finally:
        everyone.discard(ws)
    return ws


app = web.Application()
app.add_routes([web.get("/", echo), web.get("/broadcast", broadcast)])

if __name__ == "__main__":
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )
