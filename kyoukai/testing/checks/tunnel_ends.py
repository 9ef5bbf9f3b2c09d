"""K11, the end of a tunnel, and what must not end it, in any wire format."""

import asyncio
from typing import Any

from ..stage import PATIENCE
from ..subject import Subject
from ..tunnelled import Farewell, Leaver, tunnel_content, tunnelling
from ..wire_client import shown
from . import check
from .tunnels import CONTENT


@check("K11.9")
async def end_of_client(subject: Subject) -> None:
    """End the client's side."""
    async with tunnelling(subject) as (client, other, _):
        client.end_tunnel()
        await client.settle()
        other.transport.write(b"after it")
        await client.settle()
        if other.told != ["eof_received"] or tunnel_content(client) != b"after it":
            message = f"the calls were {other.told}, and the client got {tunnel_content(client)!r}"
            raise client.broken(message, "eof_received, and b'after it'")
    async with tunnelling(subject, Leaver) as (client, other, _):
        client.end_tunnel()
        await client.settle()
        if other.told != ["eof_received", "connection_lost"]:
            raise client.broken(f"the calls were {other.told}", "eof_received (False), then connection_lost")


@check("K11.10")
async def end(subject: Subject) -> None:
    """End tunnels from both sides."""
    for how in ("close", "abort", "feed_reset"):
        async with tunnelling(subject) as (client, other, _):
            side: Any = client.line if how == "feed_reset" else other
            getattr(side.transport, how)()
            await client.settle()
            client.line.transport.feed_eof()
            await client.settle()
            if other.told.count("connection_lost") != 1:
                event = "a reset" if how == "feed_reset" else f"{how}()"
                count = other.told.count("connection_lost")
                raise client.broken(f"after {event} connection_lost was called {count} times", "once")


@check("K11.11")
async def closing(subject: Subject) -> None:
    """Close after writing: both sides at once, and one side first."""
    for how in ("write_eof", "close"):
        async with tunnelling(subject) as (client, other, _):
            if how == "write_eof" and not other.transport.can_write_eof():
                continue
            other.transport.write(CONTENT)
            getattr(other.transport, how)()
            await client.settle()
            answer = client.tunnel
            if answer is None or answer.content != CONTENT or answer.rest or not answer.is_whole:
                message = f"after {len(CONTENT)} bytes and {how}() the client has {shown(answer)}"
                raise client.broken(message, "all bytes, and the end")
            if how == "write_eof":
                client.send_data(b"more")
                await client.settle()
                if other.received != b"more" or "connection_lost" in other.told:
                    raise client.broken(f"after write_eof() it received {bytes(other.received)!r}", "b'more'")


@check("K11.12")
async def stop(subject: Subject) -> None:
    """Stop, and close the tunnel after a while."""
    async with tunnelling(subject, Farewell, shutdown_timeout=PATIENCE * subject.scale) as (client, _, stage):
        stopping = asyncio.ensure_future(stage.component.server.stop(asyncio.Event()))
        line = client.line
        await client.settle()
        client.send_data(b"the end.")
        await client.settle()
        line.transport.feed_eof()
        is_over = await client.until(lambda: line.transport.closed)
        is_cut_off = line.transport.aborted
        await stopping
        if tunnel_content(client) != b"a stop begins the end." or not is_over or is_cut_off:
            state = f"the client got {tunnel_content(client)!r}; closed: {is_over}, cut off: {is_cut_off}"
            raise client.broken(
                f"during a stop, {state}", "b'a stop begins the end.', and the connection's end"
            )


@check("K11.13")
async def cut_off(subject: Subject) -> None:
    """Stop, and do not close the tunnel."""
    async with tunnelling(subject, Farewell, shutdown_timeout=0.01) as (client, other, stage):
        await stage.component.server.stop(asyncio.Event())
        await client.line.quiet()
        is_closed = client.line.transport.closed
        if not is_closed or other.told != ["connection_lost"]:
            message = f"after shutdown_timeout the calls were {other.told}; connection closed: {is_closed}"
            raise client.broken(message, "connection_lost, and a closed connection")


@check("K11.14")
async def deadlines(subject: Subject) -> None:
    """Sweep as if a long time had passed."""
    async with tunnelling(subject) as (client, other, stage):
        server = stage.component.server
        for connection in tuple(server.connections):
            connection.sweep(server.clock + 1e6)
        await client.settle()
        client.send_data(b"still here")
        other.transport.write(b"so am I")
        await client.settle()
        if other.received != b"still here" or tunnel_content(client) != b"so am I" or other.told:
            message = f"after a sweep the tunnel got {bytes(other.received)!r}; calls: {other.told}"
            raise client.broken(message, "a tunnel that is still open")


@check("K11.15")
async def extra_info(subject: Subject) -> None:
    """Compare the information from the tunnel's transport with that of the connection's."""
    async with tunnelling(subject) as (client, other, _):
        for name in ("peername", "sockname", "sslcontext"):
            found, wanted = other.transport.get_extra_info(name), client.line.transport.get_extra_info(name)
            if found != wanted:
                raise client.broken(f"the tunnel's {name} is {found!r}", repr(wanted))
