"""K2: what a connection owes that derives from ``HTTPProtocol``."""

from collections.abc import AsyncIterator
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from kyoukai.core.contract.parser import CALLBACKS
from kyoukai.core.http1.protocol import HTTPProtocol

from ..subject import Subject
from . import RuleBroken, check
from .backend import GET

WITH_TE: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: TE\r\n\r\n"

SHAPE: Final = ("feed_data", "get_method", "get_http_version", "should_keep_alive", "should_upgrade")


@check("K2.1")
async def new_parser(subject: Subject) -> None:
    """Ask for another parser."""
    async with subject.serve() as stage:
        protocol = stage.connected().protocol
        if protocol.make_parser() is protocol.parser or protocol.make_parser() is protocol.make_parser():
            raise RuleBroken("make_parser returns one object twice", expected="a new parser each time")


@check("K2.2")
async def shape(subject: Subject) -> None:
    """Look at the parser."""
    async with subject.serve() as stage:
        parser = stage.connected().protocol.parser
        for name in SHAPE:
            if not callable(getattr(parser, name, None)):
                raise RuleBroken(f"the parser has no method {name}", expected=", ".join(SHAPE))


@check("K2.3")
async def callbacks(subject: Subject) -> None:
    """Look at the connection's callbacks."""
    async with subject.serve() as stage:
        protocol = stage.line().protocol
        for name in CALLBACKS:
            if getattr(type(protocol), name) is not getattr(HTTPProtocol, name) or name in vars(protocol):
                raise RuleBroken(f"{type(protocol).__qualname__} overrides {name}", expected="HTTPProtocol's")


@check("K2.4")
async def listed(subject: Subject) -> None:
    """Note what the server is told of connections."""
    async with subject.serve() as stage:
        server: Any = stage.component.server
        told: list[tuple[str, Any]] = []
        opened, lost = server.opened, server.lost

        def note_opened(connection: Any) -> None:
            told.append(("opened", connection))
            opened(connection)

        def note_lost(connection: Any, exc: Exception | None) -> None:
            told.append(("lost", connection))
            lost(connection, exc)

        server.opened, server.lost = note_opened, note_lost
        line = stage.connected()
        await line.ask(GET)
        line.transport.feed_reset()
        await line.quiet()
        if told != [("opened", line.protocol), ("lost", line.protocol)]:
            names = [name for name, _ in told]
            raise RuleBroken(f"the server was told {names}", expected="opened and lost, each once")


@check("K2.5")
async def environ(subject: Subject) -> None:
    """Look for the connection in the environ."""
    found: list[object] = []

    async def handle(request: Request) -> Response:
        found.append(request.environ.get("kyoukai.protocol"))
        return Response("ok")

    async with subject.serve(handle) as stage:
        line = stage.connected()
        await line.ask(GET)
        if found != [line.protocol]:
            raise RuleBroken(f"kyoukai.protocol is {found}", GET, "the connection's own object")


@check("K2.7")
async def early_hints(subject: Subject) -> None:
    """Hint at a field while a request is handled."""
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"

    async def handle(request: Request) -> Response:
        line.protocol.send_early_hints([("Link", "</a>; rel=preload")])
        return Response("ok")

    async with subject.serve(handle) as stage:
        line = stage.connected()
        await line.ask(GET)
        received = bytes(line.transport.received)
        if not received.startswith(hint + b"HTTP/1.1 200 "):
            raise RuleBroken(f"the client was sent {received[:200]!r}", GET, f"{hint!r}, then the answer")


@check("K2.8")
async def trailers_of_answers(subject: Subject) -> None:
    """Have a trailer field behind a streamed answer."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"ok"

    async def handle(request: Request) -> Response:
        body: Any = stream()
        response = Response(body)
        # Another object there is a rule of its own.
        request.environ["kyoukai.protocol"] = line.protocol
        vars(response)["trailers"] = {"X-Sum": "5"}
        return response

    for data, end in ((WITH_TE, b"0\r\nX-Sum: 5\r\n\r\n"), (GET, b"2\r\nok\r\n0\r\n\r\n")):
        async with subject.serve(handle) as stage:
            line = stage.connected()
            line.send(data)
            await line.quiet()
            received = bytes(line.transport.received)
            if not received.endswith(end):
                raise RuleBroken(f"the answer ends with {received[-60:]!r}", data, repr(end))
