"""WebSockets that one side closes behind a message, and what both sides have seen of that."""

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

WHO = ("server", "client", "deaf-server")
"""Who closes."""

Seen = dict[tuple[int, str], tuple[int, int | None]]
"""Bytes that one side has got, and the code that it has seen, by size and by who closed."""


def closing_app(seen: Seen) -> Kyoukai:
    """Return an application whose WebSockets are closed, which notes what the server's side sees."""
    app = Kyoukai("closes")

    @app.websocket("/<int:size>", max_message_size=32 << 20)
    async def handle(ctx: HTTPRequestContext, ws: WebSocket, size: int) -> None:
        who, got = ctx.request.args["who"], 0
        if who == "server":
            await ws.send(bytes(size))
            await ws.close(4000, "by the server")
        elif who == "deaf-server":
            await ws.accept()
            await ws.close(4002, "by the server, at once")
        async for message in ws:
            got += len(message)
        seen[size, who] = (got, ws.close_code)

    return app


async def close_one(address: str, size: int, who: str, seen: Seen) -> None:
    """Open a WebSocket; have it closed by one side behind a message, and note what the client sees.

    :param address: host and port.
    """
    url = f"ws://{address}/{size}?who={who}"
    async with connect(
        url,
        max_size=None,
        compression=None,
        ping_interval=None,
        open_timeout=None,
        close_timeout=None,
        proxy=None,
    ) as ws:
        got = 0
        try:
            if who != "server":
                await ws.send(bytes(size))
            if who == "client":
                await ws.close(4001, "by the client")
            while True:
                got += len(await ws.recv())
        except ConnectionClosed:
            seen[size, who] = (got, ws.close_code)


def seen_by_client(sizes: tuple[int, ...]) -> Seen:
    """Return what the clients of all the closes must have seen."""
    codes = {"server": 4000, "client": 4001, "deaf-server": 4002}
    return {(size, who): (size if who == "server" else 0, codes[who]) for size in sizes for who in WHO}


def seen_by_server(sizes: tuple[int, ...]) -> Seen:
    """Return what the server must have seen."""
    return {
        key: (key[0] if key[1] == "client" else 0, code) for key, (_, code) in seen_by_client(sizes).items()
    }
