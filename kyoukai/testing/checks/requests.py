"""K10, requests: what the application receives, in any wire format."""

from typing import Any, Final

from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ProtocolError

from ..recorder import Seen
from ..subject import Subject
from ..wire_client import shown
from . import RuleBroken, check

TARGET: Final = "/a%20b;c?d=%41&e=/*"
FIELDS: Final = (("X-One", "1"), ("X-Two", 'a, "b"; c'), ("Cookie", "d=e; f=g"))

CONTENT: Final = bytes(range(256)) * 400
"""Every byte value, and more data than the transports read at once."""

SHORT: Final = b"\x00\r\n\r\n0\xff"


@check("K10.1")
async def requests(subject: Subject) -> None:
    """Send a request with an unusual target and several kinds of fields."""
    async with subject.serve() as stage:
        client = subject.client(stage)
        answer = await client.ask("DELETE", TARGET, FIELDS)
        if not stage.seen:
            raise client.broken(f"the application was not called; the client got {shown(answer)}", "one call")
        seen = stage.seen[0]
        found = (
            seen.method,
            seen.path,
            seen.query,
            tuple(seen.fields.get(name.lower()) for name, _ in FIELDS),
        )
        wanted = ("DELETE", "/a b;c", "d=%41&e=/*", tuple(value for _, value in FIELDS))
        if found != wanted:
            raise client.broken(f"the application got {found}", repr(wanted))


@check("K10.2")
async def end_of_body(subject: Subject) -> None:
    """Send a body in two parts, and check when the request is handled."""
    async with subject.serve() as stage:
        client = subject.client(stage)
        client.send_head("PATCH", "/end", size=10)
        client.send_data(b"01234")
        await client.settle()
        if stage.seen:
            raise client.broken("the request was handled before its body was complete", "with its last byte")
        client.send_data(b"56789")
        client.send_end()
        await client.settle()
        if not stage.seen:
            message = f"the request was not handled although its body is complete; {shown(client.answer)}"
            raise client.broken(message, "handled with its last byte")


@check("K10.3")
async def content(subject: Subject) -> None:
    """Send bodies at once and in pieces, and a short one byte by byte."""
    for body, size in ((CONTENT, len(CONTENT)), (CONTENT, 30_000), (SHORT, 1)):
        found = await _sent_in(subject, body, size)
        if found != body:
            differs = next((n for n, byte in enumerate(found) if body[n : n + 1] != bytes((byte,))), None)
            where = "" if differs is None else f"; the first different byte is number {differs}"
            message = f"sent in pieces of {size}, {len(found)} of {len(body)} bytes arrived{where}"
            raise RuleBroken(message, body[:100], "all bytes, unchanged")


async def _sent_in(subject: Subject, body: bytes, size: int) -> bytes:
    """Send a body in pieces of a size, and return what the application gets; size 1 splits everything."""
    async with subject.serve() as stage:
        client = subject.client(stage)
        client.send_head("POST", "/content", size=len(body))
        for start in range(0, len(body), size):
            piece = client.adapter.encode_data(body[start : start + size])
            for cut in [piece] if size > 1 else [bytes((byte,)) for byte in piece]:
                client.line.send(cut)
            await client.settle()
        client.send_end()
        await client.settle()
        if not stage.seen:
            raise client.broken(f"the application was not called; got {shown(client.answer)}", "one call")
        return stage.seen[0].body


@check("K10.4")
async def streamed(subject: Subject) -> None:
    """Read a streamed body in two parts, one after the other."""
    got: list[bytes] = []

    async def handle(request: Request) -> Response:
        async for piece in request.environ["kyoukai.body"]:
            got.append(piece)
        got.append(b"END")
        return Response("ok")

    async with subject.serve(handle, streams=True) as stage:
        client = subject.client(stage)
        client.send_head("POST", "/streamed", size=8)
        for data, end in ((b"one ", b"one "), (b"two!", b"one two!END")):
            client.send_data(data)
            if end.endswith(b"END"):
                client.send_end()
            await client.settle()
            if b"".join(got) != end:
                raise client.broken(f"the application read {b''.join(got)!r}", f"{end!r} by then")


@check("K10.5")
async def trailers(subject: Subject) -> None:
    """Send a trailer field."""
    async with subject.serve() as stage:
        client = subject.client(stage)
        client.send_head("POST", "/trailers", size=None)
        client.send_data(b"hello")
        client.send_end([("X-Trailer", "1")])
        await client.settle()
        if not stage.seen:
            raise client.broken(f"the application was not called; got {shown(client.answer)}", "one call")
        seen = stage.seen[0]
        found = [(name.lower(), value) for name, value in seen.trailers]
        if found != [("x-trailer", "1")] or "x-trailer" in seen.fields:
            where = ", and the trailer is among its header fields" if "x-trailer" in seen.fields else ""
            raise client.broken(f"the request has the trailers {found}{where}", "X-Trailer: 1")


@check("K10.6")
async def broken_off(subject: Subject) -> None:
    """Send a part of a body and disconnect, cleanly or by a reset."""
    for how in ("feed_eof", "feed_reset"):
        for streams in (False, True):
            found: list[str] = []
            async with subject.serve(_reader(found), streams=streams) as stage:
                client = subject.client(stage)
                client.send_head("POST", "/breaks", size=10)
                client.send_data(b"01234")
                await client.settle()
                getattr(client.line.transport, how)()
                await client.settle()
                wanted = ["an error"] if streams else []
                if streams:
                    await client.until(lambda found=found: found)
                if found != wanted:
                    event = "ended its side" if how == "feed_eof" else "disconnected"
                    message = f"after the client {event} in the middle of a body, the application had {found}"
                    raise RuleBroken(message, client.line.sent, "an error if it reads the body, else no call")


def _reader(found: list[str]) -> Any:
    """Return a handler that reads the body and records how that ended."""

    async def handle(request: Request) -> Response:
        stream = request.environ.get("kyoukai.body")
        try:
            if stream is None:
                request.get_data()
            else:
                async for _ in stream:
                    pass
        except (ProtocolError, OSError):
            found.append("an error")
            raise
        found.append("a whole body")
        return Response("ok")

    return handle


@check("K10.7")
async def one_answer(subject: Subject) -> None:
    """Count the calls and the answers of one request."""
    calls: list[Seen] = []

    async def handle(request: Request) -> Response:
        calls.append(Seen.of(request))
        return Response(b"one answer")

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        client.send("POST", "/once", body=b"hello")
        answer = await client.until_answered()
        if len(calls) != 1:
            raise client.broken(f"the application was called {len(calls)} times", "once")
        if answer is None:
            raise client.broken("there is no answer", "one answer")
        sent = answer.content + answer.rest
        if answer.rest or sent.count(b"one answer") > 1:
            raise client.broken(f"the server sent {sent[:200]!r}", "one answer, and nothing after it")
