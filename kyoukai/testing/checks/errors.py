"""K4: what comes of exceptions, the parser's and those of the callbacks."""

from typing import Any, Final

from werkzeug.exceptions import HTTPException

from kyoukai.core.errors import ContentTooLarge

from ..stage import Line
from ..subject import Subject
from . import RuleBroken, check
from .backend import GET

NO_HOST: Final = b"GET /no-host HTTP/1.1\r\n\r\n"


class Unknown(Exception):
    """An exception that no backend knows."""


EXCEPTIONS: Final = (
    Unknown("unknown"),
    ValueError("bad"),
    KeyError("missing"),
    RuntimeError(),
    UnicodeDecodeError("ascii", b"\xff", 0, 1, "not ascii"),
    AssertionError(),
    MemoryError(),
)


def _fail_in(line: Line, name: str, error: Exception) -> None:
    """Let a callback raise, after it was written down."""
    recorded = getattr(line.protocol, name)

    def fail(*args: Any) -> None:
        recorded(*args)
        raise error

    setattr(line.protocol, name, fail)


@check("K4.1")
async def any_exception(subject: Subject) -> None:
    """Have exceptions of all kinds translated."""
    async with subject.serve() as stage:
        protocol = stage.connected().protocol
        for exception in EXCEPTIONS:
            try:
                result = protocol.translate_exception(exception)
            except Exception as error:
                raise RuleBroken(f"translate_exception raises {error!r} for {exception!r}") from None
            if not isinstance(result, HTTPException) or not isinstance(result.code, int):
                raise RuleBroken(f"{exception!r} is translated to {result!r}", expected="an HTTPException")


@check("K4.2")
async def own_errors(subject: Subject) -> None:
    """Let a callback refuse a request, and look what its error is translated to."""
    async with subject.serve() as stage:
        line = stage.line(record=True)
        error = ContentTooLarge("This is refused by the test.")
        _fail_in(line, "on_url", error)
        translate = line.protocol.translate_exception
        if translate(error) is not error:
            raise RuleBroken("a ProtocolError is not returned as it is", expected="the same object")
        translated: list[object] = []

        def note(exc: Exception) -> Any:
            translated.append(translate(exc))
            return translated[-1]

        line.protocol.translate_exception = note
        line.connect()
        await line.ask(GET)
        if any(result is not error for result in translated):
            raise RuleBroken(f"it is translated to {translated}", GET, "the ProtocolError of the callback")


@check("K4.3")
async def ends_the_parse(subject: Subject) -> None:
    """Let a callback raise, and look what is called then."""
    async with subject.serve() as stage:
        line = stage.line(record=True)
        _fail_in(line, "on_url", ContentTooLarge())
        line.connect()
        await line.ask(GET)
        names = [call.name for call in line.timeline]
        after = names[names.index("on_url") + 1 :] if "on_url" in names else names
        if after != ["raised"]:
            raise RuleBroken(
                f"after a callback raised, there was {after}", GET, "feed_data raises, and no more"
            )


@check("K4.4")
async def refused(subject: Subject) -> None:
    """Send a request that the policy refuses."""
    async with subject.serve() as stage:
        outcome = await stage.connected().ask(NO_HOST)
        statuses = [(answer.status, answer.closes) for answer in outcome.answers]
        if statuses != [(400, True)] or stage.seen:
            raise RuleBroken(
                f"a refused request came to {outcome!r}", NO_HOST, "400 that says close, no call"
            )


@check("K4.5")
async def quiet(subject: Subject) -> None:
    """Send a request that the policy refuses, and look at the log."""
    async with subject.serve() as stage:
        await stage.connected().ask(NO_HOST)
        if stage.problems:
            raise RuleBroken(stage.problems[0], NO_HOST, "no record of an error for a fault of the client's")
