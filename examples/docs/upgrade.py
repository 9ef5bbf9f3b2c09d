import asyncio
from typing import cast

from werkzeug.exceptions import BadRequest

from kyoukai import HTTPProtocol, HTTPRequestContext, Kyoukai

app = Kyoukai("upgrade")


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@app.route("/echo")
async def echo(ctx: HTTPRequestContext) -> None:
    if ctx.request.headers.get("Upgrade") != "echo":
        raise BadRequest("Ask for an upgrade to echo.")
    protocol: HTTPProtocol = ctx.proto
    protocol.raw_write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    protocol.replace(Echo)
