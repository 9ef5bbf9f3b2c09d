"""K11, how a tunnel ends, and what does not end it, whatever the wire."""

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
            message = f"{other.told} is called, and the client gets {tunnel_content(client)!r}"
            raise client.broken(message, "eof_received, and b'after it'")
    async with tunnelling(subject, Leaver) as (client, other, _):
        client.end_tunnel()
        await client.settle()
        if other.told != ["eof_received", "connection_lost"]:
            raise client.broken(
                f"{other.told} is called", "eof_received, and connection_lost as that returns False"
            )


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
                event = "the client is gone" if how == "feed_reset" else f"{how}()"
                count = other.told.count("connection_lost")
                raise client.broken(f"after {event} connection_lost is called {count} times", "once")


@check("K11.11")
async def closing(subject: Subject) -> None:
    """Close behind what is written, at once and one side after the other."""
    for how in ("write_eof", "close"):
        async with tunnelling(subject) as (client, other, _):
            if how == "write_eof" and not other.transport.can_write_eof():
                continue
            other.transport.write(CONTENT)
            getattr(other.transport, how)()
            await client.settle()
            answer = client.tunnel
            if answer is None or answer.content != CONTENT or answer.rest or not answer.is_whole:
                message = f"behind {len(CONTENT)} bytes and {how}() there is {shown(answer)}"
                raise client.broken(message, "all of them, and the end")
            if how == "write_eof":
                client.send_data(b"more")
                await client.settle()
                if other.received != b"more" or "connection_lost" in other.told:
                    raise client.broken(f"behind it the tunnel gets {bytes(other.received)!r}", "b'more'")


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
            raise client.broken(f"in a stop, {state}", "b'a stop begins the end.', and the connection's end")


@check("K11.13")
async def cut_off(subject: Subject) -> None:
    """Stop, and do not close the tunnel."""
    async with tunnelling(subject, Farewell, shutdown_timeout=0.01) as (client, other, stage):
        await stage.component.server.stop(asyncio.Event())
        await client.line.quiet()
        is_closed = client.line.transport.closed
        if not is_closed or other.told != ["connection_lost"]:
            message = f"after shutdown_timeout {other.told} was called, connection closed: {is_closed}"
            raise client.broken(message, "connection_lost, and the connection's end")


@check("K11.14")
async def deadlines(subject: Subject) -> None:
    """Sweep as if much time had passed."""
    async with tunnelling(subject) as (client, other, stage):
        server = stage.component.server
        for connection in tuple(server.connections):
            connection.sweep(server.clock + 1e6)
        await client.settle()
        client.send_data(b"still here")
        other.transport.write(b"so am I")
        await client.settle()
        if other.received != b"still here" or tunnel_content(client) != b"so am I" or other.told:
            message = f"after a while the tunnel got {bytes(other.received)!r}, and {other.told} was called"
            raise client.broken(message, "that it is open still")


@check("K11.15")
async def extra_info(subject: Subject) -> None:
    """Ask both transports."""
    async with tunnelling(subject) as (client, other, _):
        for name in ("peername", "sockname", "sslcontext"):
            found, wanted = other.transport.get_extra_info(name), client.line.transport.get_extra_info(name)
            if found != wanted:
                raise client.broken(f"the tunnel's {name} is {found!r}", repr(wanted))
