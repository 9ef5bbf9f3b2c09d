"""What goes on in a tunnel, as the checks of the rules have it, and opening one."""

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
    """What goes on in a tunnel, and notes what it is told.

    :param stage: where it is.
    """

    keeps_open = True
    """What it returns when the client has ended its side."""
    first = b""
    """What it writes at once."""

    def __init__(self, stage: Stage) -> None:
        self.received = bytearray()
        self.told: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport
        if self.first:
            self.transport.write(self.first)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self.received += data

    def eof_received(self) -> bool:
        """Note the end of the client's side."""
        self.told.append("eof_received")
        return self.keeps_open

    def pause_writing(self) -> None:
        """Note that the client takes nothing more."""
        self.told.append("pause_writing")

    def resume_writing(self) -> None:
        """Note that it has caught up."""
        self.told.append("resume_writing")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self.told.append("connection_lost")


class Opener(Talker):
    """One that speaks first."""

    first = b"first"


class Leaver(Talker):
    """One that closes when the client has ended its side."""

    keeps_open = False


class Pauser(Talker):
    """One that reads no more once it has got something."""

    count = 0
    """How often it has got something."""

    def data_received(self, data: bytes) -> None:
        """Take bytes, and no more of them."""
        super().data_received(data)
        self.count += 1
        self.transport.pause_reading()


class Farewell(Talker):
    """One that takes part in a stop: it says so, echoes, and closes when it is told to."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.server = stage.component.server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part in what the server does with its connections."""
        super().connection_made(transport)
        self.server.opened(self)

    def data_received(self, data: bytes) -> None:
        """Echo, and close behind a full stop."""
        self.transport.write(data)
        if data.endswith(b"."):
            self.transport.close()

    def sweep(self, now: float) -> None:
        """Do nothing: it has no deadlines."""

    def shutdown(self) -> None:
        """Take note of the stop, and go on."""
        self.transport.write(b"a stop begins ")

    def abort(self) -> None:
        """End at once."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
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
    """Offer a protocol and try to open a tunnel for :data:`PROTOCOL`; yield what goes on in it.

    :param offered: empty: it is a plain request.
    :param early: what the client sends before the tunnel is open; the first together with the request.
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
            raise client.broken(f"the application is not called; {shown(client.tunnel)}", "one call")
        if opened[0] is None and offered == PROTOCOL:
            raise client.broken(
                f"open_tunnel returned None, and {shown(client.tunnel)} came of it", "a tunnel"
            )
        yield client, opened[0], stage
        client.check_failure()
        client.line.transport.abort()


def tunnel_content(client: WireClient) -> bytes:
    """Return what the client has got of the tunnel."""
    tunnel = client.tunnel
    return b"" if tunnel is None else tunnel.content
