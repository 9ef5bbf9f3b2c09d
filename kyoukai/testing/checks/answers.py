"""K10, answers: what the client receives, in any wire format."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from ..adapter import WireAnswer
from ..subject import Subject
from ..wire_client import WireClient, shown
from . import check

CONTENT: Final = bytes(range(256)) * 600

FIELDS: Final = (("X-One", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Two", 'c, "d"; e'))

ACCESS: Final = logging.getLogger("kyoukai.access")


async def _answer(
    subject: Subject, method: str, path: str, response: Response
) -> tuple[WireClient, WireAnswer]:
    """Send a request, and return the client and the answer.

    :raises RuleBroken: if there is no answer.
    """

    async def handle(request: Request) -> Response:
        return response

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        client.send(method, path)
        answer = await client.until_answered()
        if answer is None:
            raise client.broken(f"there is no answer to {method}", "an answer")
        return client, answer


@check("K10.8")
async def answers(subject: Subject) -> None:
    """Answer with several fields, two of the same name, and with every byte value."""
    for content in (b"", CONTENT):
        response = Response(content, status=203, headers=list(FIELDS))
        client, answer = await _answer(subject, "GET", "/answers", response)
        found = (answer.status, [(name, value) for name in dict(FIELDS) for value in answer.values(name)])
        wanted = (203, [(name, value) for name in dict(FIELDS) for given, value in FIELDS if given == name])
        if found != wanted:
            raise client.broken(f"the client got {found}", repr(wanted))
        if answer.content != content:
            expected = f"{len(content)} bytes, unchanged"
            raise client.broken(f"the client got {len(answer.content)} bytes: {shown(answer)}", expected)


@check("K10.9")
async def end_of_answer(subject: Subject) -> None:
    """Check that the client sees the end of answers of each kind."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(0)
        yield b"two"

    streamed: Any = pieces()
    kinds = {
        "in memory": Response(b"hello"),
        "that is streamed": Response(streamed),
        "of status 404": Response(status=404),
    }
    for kind, response in kinds.items():
        client, answer = await _answer(subject, "OPTIONS", "/end", response)
        if not answer.is_whole:
            raise client.broken(
                f"an answer {kind} does not end: {shown(answer)}", "an answer whose end the client sees"
            )


@check("K10.10")
async def no_content(subject: Subject) -> None:
    """Ask for answers that have no content."""
    for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
        response = Response(b"" if status == 204 else b"hello", status=status)
        client, answer = await _answer(subject, method, "/none", response)
        if answer.status != status or answer.content or answer.rest or not answer.is_whole:
            rest = f", followed by {answer.rest[:60]!r}" if answer.rest else ""
            raise client.broken(f"{method} got {shown(answer)}{rest}", f"{status}, complete, without content")


@check("K10.11")
async def streamed(subject: Subject) -> None:
    """Stream an answer piece by piece, and check what the client has after each."""
    go = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        await go.wait()
        yield b"two "
        yield b"three"

    async def handle(request: Request) -> Response:
        body: Any = pieces()
        return Response(body)

    async with subject.serve(handle) as stage:
        client = subject.client(stage)
        answer = await client.ask("GET", "/streamed")
        if answer is None or answer.content != b"one ":
            raise client.broken(f"after the first piece the client has {shown(answer)}", "that piece")
        if answer.is_whole:
            raise client.broken("the answer looks whole after its first piece", "an incomplete answer")
        go.set()
        answer = await client.until_answered()
        if answer is None or answer.content != b"one two three":
            raise client.broken(f"after the last piece the client has {shown(answer)}", "b'one two three'")


@check("K10.12")
async def broken_off(subject: Subject) -> None:
    """Let a streamed answer fail after one piece, with and without Content-Length."""
    for headers in ({}, {"Content-Length": "10"}):

        async def pieces() -> AsyncIterator[bytes]:
            yield b"piece"
            await asyncio.sleep(0)
            raise RuntimeError("the body fails on purpose")

        async def handle(request: Request, headers: dict[str, str] = headers) -> Response:
            body: Any = pieces()
            return Response(body, headers=headers)

        async with subject.serve(handle) as stage:
            client = subject.client(stage)
            client.send("GET", "/breaks")
            await client.settle()
            transport = client.line.transport

            def is_over(client: WireClient = client) -> bool:
                answer = client.answer
                return client.line.transport.ended or (
                    answer is not None and (answer.is_broken or answer.is_whole)
                )

            is_told = await client.until(is_over)
            answer = client.answer
            # The body fails on purpose, so what was logged explains nothing.
            stage.problems.clear()
            if answer is not None and answer.is_whole:
                raise client.broken(f"an aborted answer looks complete: {shown(answer)}", "an incomplete one")
            if not is_told and not transport.ended:
                raise client.broken(
                    "the client is left waiting for the rest of an aborted answer", "a reset, or the end"
                )


@check("K10.20")
async def access_log(subject: Subject) -> None:
    """Send a request with an access log, and one without."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = ACCESS.level
    ACCESS.addHandler(handler)
    ACCESS.setLevel(logging.INFO)
    try:
        for is_on in (True, False):
            lines.clear()
            async with subject.serve(settings={"access_log": is_on}) as stage:
                client = subject.client(stage)
                client.send("POST", "/logged?a=b", body=b"hello")
                await client.until_answered()
                wanted = ["/logged?a=b", " 200 ", " 2 "] if is_on else []
                # The target, the status and the size of the answer.
                is_right = len(lines) == is_on and all(part in lines[0] for part in wanted)
                if not is_right:
                    state = "with" if is_on else "without"
                    expected = "one line with target, status and size" if is_on else "no line"
                    raise client.broken(f"{state} an access log, the lines {lines} were logged", expected)
    finally:
        ACCESS.removeHandler(handler)
        ACCESS.setLevel(level)
