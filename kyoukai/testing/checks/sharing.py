"""K7: state that connections, and the requests of one connection, must not share."""

import contextvars
import itertools
from typing import Final

from werkzeug.wrappers import Request, Response

from ..subject import Subject
from ..wire_client import HOST, WireClient
from . import RuleBroken, check
from .backend import GET

mark: Final = contextvars.ContextVar("mark", default="")


def _post(name: bytes) -> bytes:
    return b"POST /%b HTTP/1.1\r\nHost: a\r\nX-Name: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        name,
        name,
        len(name),
        name,
    )


@check("K7.1")
async def interleaved(subject: Subject) -> None:
    """Send on two connections in turn, byte by byte."""
    names = ("first-one", "other-two")
    async with subject.serve() as stage:
        clients = [subject.client(stage) for _ in names]
        texts = [_whole(client, name) for client, name in zip(clients, names, strict=True)]
        for column in itertools.zip_longest(*texts):
            for client, byte in zip(clients, column, strict=True):
                if byte is not None:
                    client.line.send(bytes((byte,)))
        for client in clients:
            await client.settle()
        found = sorted((seen.target, seen.fields.get("x-name"), seen.body) for seen in stage.seen)
        wanted = [(f"/{name}", name, name.encode()) for name in names]
        if found != wanted:
            raise clients[0].broken(f"two interleaved connections got {found}", repr(wanted))


def _whole(client: WireClient, name: str) -> bytes:
    """Return a whole request."""
    adapter, body = client.adapter, name.encode()
    head = adapter.encode_head("POST", f"/{name}", (HOST, ("X-Name", name)), len(body))
    return head + adapter.encode_data(body) + adapter.encode_end()


@check("K7.2")
async def in_order(subject: Subject) -> None:
    """Send four requests at once; each answer names its request."""

    async def handle(request: Request) -> Response:
        return Response(f"{request.path} {request.headers['X-Name']} ".encode() + request.get_data())

    names = (b"one", b"two", b"three", b"four")
    text = b"".join(map(_post, names))
    async with subject.serve(handle) as stage:
        outcome = await stage.connected().ask(text)
        found = [answer.content for answer in outcome.answers]
        wanted = [b"/%b %b %b" % (name, name, name) for name in names]
        if found != wanted:
            raise RuleBroken(f"pipelined requests were answered with {found}", text, repr(wanted))


@check("K7.3")
async def context_variables(subject: Subject) -> None:
    """Set a context variable in one request, and look for it in the next."""
    found: list[str] = []

    async def handle(request: Request) -> Response:
        found.append(mark.get())
        mark.set("set by another request")
        return Response("ok")

    async with subject.serve(handle) as stage:
        line = stage.connected()
        await line.ask(GET)
        await line.ask(GET)
        if found != ["", ""]:
            raise RuleBroken(f"a context variable was {found}", line.sent, "not set by another request")
