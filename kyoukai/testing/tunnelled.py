"""Open tunnels, and the protocols that run in them, for the checks of the rules."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from .stage import Stage
from .subject import Subject
from .wire_client import WireClient, shown

PROTOCOL: Final = "kyoukai-check"
FIELDS: Final = (("X-One", "1"), ("X-Two", 'a, "b"; c'))


class Talker(asyncio.Protocol):
    """A protocol in a tunnel that records its calls.

    :param stage: the stage of the connection.
    """

    keeps_open = True
    """What ``eof_received`` returns."""
    first = b""
    """What it writes as soon as it is connected."""

    def __init__(self, stage: Stage) -> None:
        self.received = bytearray()
        self.told: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport
        if self.first:
            self.transport.write(self.first)

    def data_received(self, data: bytes) -> None:
        """Record bytes."""
        self.received += data

    def eof_received(self) -> bool:
        """Record the end of the client's side."""
        self.told.append("eof_received")
        return self.keeps_open

    def pause_writing(self) -> None:
        """Record that the client is not reading."""
        self.told.append("pause_writing")

    def resume_writing(self) -> None:
        """Record that the client reads again."""
        self.told.append("resume_writing")

    def connection_lost(self, exc: Exception | None) -> None:
        """Record the end of the connection."""
        self.told.append("connection_lost")


class Opener(Talker):
    """A protocol that writes first."""

    first = b"first"


class Leaver(Talker):
    """A protocol that closes when the client has ended its side."""

    keeps_open = False


class Pauser(Talker):
    """A protocol that pauses reading after the first data."""

    count = 0
    """How many times it received data."""

    def data_received(self, data: bytes) -> None:
        """Record bytes, and pause reading."""
        super().data_received(data)
        self.count += 1
        self.transport.pause_reading()


class Farewell(Talker):
    """A protocol that takes part in a stop: it announces the stop, echoes, and closes when told to."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.server = stage.component.server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the server as one of its connections."""
        super().connection_made(transport)
        self.server.opened(self)

    def data_received(self, data: bytes) -> None:
        """Echo, and close after a full stop."""
        self.transport.write(data)
        if data.endswith(b"."):
            self.transport.close()

    def sweep(self, now: float) -> None:
        """Do nothing: there are no deadlines."""

    def shutdown(self) -> None:
        """Announce the stop, and stay open."""
        self.transport.write(b"a stop begins ")

    def abort(self) -> None:
        """End at once."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Record the end of the connection."""
        super().connection_lost(exc)
        self.server.lost(self, exc)


@asynccontextmanager
async def tunnelling(
    subject: Subject,
    make: Callable[[Stage], Any] = Talker,
    offered: str = PROTOCOL,
    early: tuple[bytes, ...] = (),
    **limits: Any,
) -> AsyncGenerator[tuple[WireClient, Any, Stage], None]:
    """Offer a protocol and try to open a tunnel for :data:`PROTOCOL`; yield the protocol in the tunnel.

    :param offered: the protocol to offer; empty for a plain request.
    :param early: data sent before the tunnel is open; the first piece is sent together with the request.
    """
    go = asyncio.Event()
    opened: list[Any] = []

    async def handle(request: Request) -> Response:
        await go.wait()
        protocol = client.line.protocol if subject.is_http else request.environ["kyoukai.protocol"]
        opened.append(protocol.open_tunnel(PROTOCOL, FIELDS, lambda: make(stage)))
        return Response(b"no tunnel", 426)

    async with subject.serve(handle, **limits) as stage:
        client = subject.client(stage)
        if offered:
            client.send_tunnel(offered, "/tunnel", b"".join(early[:1]))
        else:
            client.send("GET", "/tunnel")
        await client.settle()
        for piece in early[1:]:
            client.send_data(piece)
            await client.settle()
        go.set()
        await client.until(lambda: opened)
        if not opened:
            raise client.broken(f"the application was not called; got {shown(client.tunnel)}", "one call")
        if opened[0] is None and offered == PROTOCOL:
            raise client.broken(
                f"open_tunnel returned None, and the client got {shown(client.tunnel)}", "a tunnel"
            )
        yield client, opened[0], stage
        client.check_failure()
        client.line.transport.abort()


def tunnel_content(client: WireClient) -> bytes:
    """Return the data that the client received from the tunnel."""
    tunnel = client.tunnel
    return b"" if tunnel is None else tunnel.content
