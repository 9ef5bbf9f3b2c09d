"""K11, what a tunnel carries: its head, data both ways, and flow control, in any wire format."""

from typing import Any, Final

from ..subject import Subject
from ..tunnelled import FIELDS, Opener, Pauser, tunnel_content, tunnelling
from ..wire_client import WireClient, shown
from . import RuleBroken, check
from .bodies import SIZE, UNREAD, numbered

CONTENT: Final = bytes(range(256)) * 400
"""Every byte value, and more data than the transports read at once."""

SHORT: Final = b"\x00\r\n\r\n0\xff"


@check("K11.1")
async def head(subject: Subject) -> None:
    """Open a tunnel into which data is written at once."""
    async with tunnelling(subject, Opener) as (client, _, _):
        answer = client.tunnel
        if answer is None or not (answer.status == 101 or 200 <= answer.status < 300):
            raise client.broken(f"the client got {shown(answer)}", "a head that opens a tunnel")
        found = [(name, value) for name, _ in FIELDS for value in answer.values(name)]
        if found != list(FIELDS):
            raise client.broken(f"the head has the fields {found}", repr(list(FIELDS)))
        if not Opener.first.startswith(answer.content) or answer.is_whole or answer.rest:
            raise client.broken(
                f"after the head the client has {answer.content + answer.rest!r}", repr(Opener.first)
            )


@check("K11.2")
async def not_offered(subject: Subject) -> None:
    """Open a tunnel for a client that offers no protocol, or another one."""
    for offered in ("", "another"):
        async with tunnelling(subject, offered=offered) as (client, other, _):
            answer = client.answer if not offered else client.tunnel
            if other is not None or answer is None or answer.status != 426 or not answer.is_whole:
                what = f"the protocol {offered!r}" if offered else "no protocol"
                message = f"for a client that offers {what}, open_tunnel returned {other!r}: {shown(answer)}"
                raise client.broken(message, "None, and the answer 426")


@check("K11.3")
async def early_bytes(subject: Subject) -> None:
    """Send data together with the request, and before the tunnel is open."""
    pieces = (b"one ", b"two ", b"three ")
    async with tunnelling(subject, early=pieces) as (client, other, _):
        client.send_data(b"four")
        await client.settle()
        if other.received != b"one two three four":
            raise client.broken(f"the tunnel got {bytes(other.received)!r}", "b'one two three four'")


@check("K11.4")
async def bytes_of_client(subject: Subject) -> None:
    """Send in pieces, and byte by byte."""
    async with tunnelling(subject) as (client, other, _):
        sent = b""
        for piece in (b"hello", CONTENT[:30_000], CONTENT, SHORT):
            room = client.adapter.room()
            if room is not None and len(piece) > room:
                # The server grants credit: send frames of the size it allows.
                piece = piece[: await client.send_some(piece)]
            else:
                data = client.adapter.encode_data(piece)
                for cut in [data] if piece is not SHORT else [bytes((byte,)) for byte in data]:
                    client.line.send(cut)
            sent += piece
            await client.settle()
            if other.received != sent:
                count = len(other.received)
                differs = next(
                    (n for n in range(count) if other.received[n : n + 1] != sent[n : n + 1]), None
                )
                where = "" if differs is None else f"; the first different byte is number {differs}"
                raise client.broken(
                    f"the tunnel got {count} of {len(sent)} bytes{where}", "all bytes by then, unchanged"
                )


@check("K11.5")
async def bytes_to_client(subject: Subject) -> None:
    """Write every kind of data that a transport accepts."""
    async with tunnelling(subject) as (client, other, _):
        written = b""
        for piece in (b"hello", bytearray(b"one"), memoryview(SHORT), CONTENT, b""):
            other.transport.write(piece)
            written += piece
            await client.settle()
            content = tunnel_content(client)
            if content != written:
                message = f"the client got {len(content)} of {len(written)} bytes: {shown(client.tunnel)}"
                raise client.broken(message, "all bytes by then")
        other.transport.writelines([b"two", b"three"])
        await client.settle()
        last = tunnel_content(client)[len(written) :]
        if last != b"twothree":
            raise client.broken(f"after writelines the client got {last!r}", "b'twothree'")


async def _pause(client: WireClient, other: Any) -> int:
    """Pause reading, and return how many bytes the client can send."""
    other.transport.pause_reading()
    await client.settle()
    return await client.send_some(numbered())


@check("K11.6")
async def pauses(subject: Subject) -> None:
    """Send a lot while reading is paused."""
    async with tunnelling(subject) as (client, other, _):
        taken = await _pause(client, other)
        if taken > UNREAD or other.received:
            message = (
                f"while reading was paused, {taken} bytes were received and {len(other.received)} passed on"
            )
            raise RuleBroken(message, client.line.sent[:200], f"at most {UNREAD}, and none passed on")
    # Data that came early may be enough to pause.
    async with tunnelling(subject, Pauser, early=(b"early",)) as (client, other, _):
        taken = await client.send_some(numbered())
        if taken > UNREAD or other.count > 1:
            message = f"after a pause on early data, {taken} bytes were received in {other.count} calls"
            raise RuleBroken(message, client.line.sent[:200], f"at most {UNREAD}, and no further call")


@check("K11.7")
async def resumes(subject: Subject) -> None:
    """Send a lot that is first left unread, and then read."""
    async with tunnelling(subject) as (client, other, _):
        sent = await _pause(client, other)
        other.transport.resume_reading()
        await client.settle()
        while sent < SIZE:
            if not await client.until(client.may_send):
                message = f"the client can send only {sent} bytes, although all of them were read"
                raise RuleBroken(message, client.line.sent[:200], f"all of {SIZE}")
            sent = await client.send_some(numbered(), sent)
        await client.settle()
        if other.received != numbered():
            message = f"the tunnel got {len(other.received)} of {SIZE} bytes"
            raise RuleBroken(message, client.line.sent[:200], "all bytes, unchanged")


@check("K11.8")
async def slow_client(subject: Subject) -> None:
    """Report to the connection that its client does not read."""
    async with tunnelling(subject) as (client, other, _):
        protocol: Any = client.line.transport.get_protocol()
        protocol.pause_writing()
        await client.settle()
        while_paused = list(other.told)
        protocol.resume_writing()
        await client.settle()
        if (while_paused, other.told) != (["pause_writing"], ["pause_writing", "resume_writing"]):
            message = f"while the client did not read, the calls were {while_paused}; in the end {other.told}"
            raise client.broken(message, "pause_writing, and then resume_writing")
