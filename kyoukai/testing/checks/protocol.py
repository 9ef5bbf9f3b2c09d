"""K2: connections that derive from ``HTTPProtocol``."""

from collections.abc import AsyncIterator
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from kyoukai.core.contract.parser import CALLBACKS
from kyoukai.core.http1.protocol import HTTPProtocol

from ..subject import Subject
from ..wire_client import shown
from . import RuleBroken, check
from .backend import GET

TE: Final = (("TE", "trailers"),)
"""The field of a client that accepts trailers (RFC 9110 section 10.1.4)."""

SHAPE: Final = ("feed_data", "get_method", "get_http_version", "should_keep_alive")

BODY_SHAPE: Final = ("begin_message", "feed_data")
"""The methods of a parser for which the server reads the heads."""


@check("K2.1")
async def new_parser(subject: Subject) -> None:
    """Ask for a second parser."""
    async with subject.serve() as stage:
        line = stage.line()
        line.connect()
        protocol = line.protocol
        if protocol.make_parser() is protocol.parser or protocol.make_parser() is protocol.make_parser():
            raise RuleBroken("make_parser returns the same object twice", expected="a new parser each time")


@check("K2.2")
async def shape(subject: Subject) -> None:
    """Check the methods of the parser."""
    async with subject.serve() as stage:
        line = stage.line()
        line.connect()
        parser = line.protocol.parser
        names = BODY_SHAPE if subject.takes_heads else SHAPE
        for name in names:
            if not callable(getattr(parser, name, None)):
                raise RuleBroken(f"the parser has no method {name}", expected=", ".join(names))


@check("K2.3")
async def callbacks(subject: Subject) -> None:
    """Check the callbacks of the connection."""
    async with subject.serve() as stage:
        protocol = stage.line().protocol
        for name in CALLBACKS:
            if getattr(type(protocol), name) is not getattr(HTTPProtocol, name) or name in vars(protocol):
                raise RuleBroken(f"{type(protocol).__qualname__} overrides {name}", expected="no override")


@check("K2.4")
async def listed(subject: Subject) -> None:
    """Record which connections the server is told about."""
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
        client = subject.client(stage)
        line = client.line
        await client.ask()
        line.transport.feed_reset()
        await line.quiet()
        if told != [("opened", line.protocol), ("lost", line.protocol)]:
            names = [name for name, _ in told]
            raise client.broken(f"the calls on the server were {names}", "opened and lost, each once")


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
    """Send early hints while a request is handled."""
    hint = ("Link", "</a>; rel=preload")

    async def handle(request: Request) -> Response:
        proto = client.line.protocol if subject.is_http else request.environ["kyoukai.protocol"]
        proto.send_early_hints([hint])
        return Response("ok")

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        client.send()
        answer = await client.until_answered()
        found = [] if answer is None else [(status, list(fields)) for status, fields in answer.interim]
        names = [(status, [(name.lower(), value) for name, value in fields]) for status, fields in found]
        if names != [(103, [("link", hint[1])])]:
            message = f"before {shown(answer)} the client received {found}"
            raise client.broken(message, f"103 with {hint}, then the answer")


@check("K2.8")
async def trailers_of_answers(subject: Subject) -> None:
    """Send a trailer field after a streamed answer."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"ok"

    async def handle(request: Request) -> Response:
        body: Any = stream()
        response = Response(body)
        if subject.is_http:
            # Rule K2.5 reports another object there.
            request.environ["kyoukai.protocol"] = client.line.protocol
        vars(response)["trailers"] = {"X-Sum": "5"}
        return response

    for fields, wanted in ((TE, [("x-sum", "5")]), ((), [])):
        async with subject.serve(handle) as stage:
            client = subject.client(stage)
            client.send(fields=fields)
            answer = await client.until_answered()
            found = None if answer is None else [(name.lower(), value) for name, value in answer.trailers]
            if found != wanted:
                said = "that accepts trailers" if fields else "that accepts none"
                message = f"for a client {said}, {shown(answer)} had the trailers {found}"
                raise client.broken(message, str(wanted))
