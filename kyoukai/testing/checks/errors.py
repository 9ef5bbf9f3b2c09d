"""K4: exceptions of the parser and of the callbacks, and what follows from them."""

from typing import Any, Final

from werkzeug.exceptions import HTTPException

from kyoukai.core.errors import ContentTooLarge
from kyoukai.core.http1.parser_errors import is_status

from ..outcome import Outcome
from ..stage import Line
from ..subject import Subject
from . import RuleBroken, check
from .backend import GET

POST: Final = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

NO_HOST: Final = b"GET /no-host HTTP/1.1\r\n\r\n"


def _fail_in(line: Line, name: str, error: Exception) -> None:
    """Let a callback raise, after recording its call."""
    recorded = getattr(line.protocol, name)

    def fail(*args: Any) -> None:
        recorded(*args)
        raise error

    setattr(line.protocol, name, fail)


def _first_call(subject: Subject) -> tuple[str, bytes]:
    """Return a callback that every parser calls once, and a request that leads to the call."""
    return ("on_body", POST) if subject.takes_heads else ("on_url", GET)


def _calls_after(line: Line, name: str) -> list[str]:
    """Return the names of the calls after the first call of a callback."""
    names = [call.name for call in line.timeline]
    return names[names.index(name) + 1 :] if name in names else names


def _answer_to_a_raise(line: Line, name: str, outcome: Outcome) -> int | None:
    """Return the status of the answer after a callback has raised.

    ``None`` if the parser continued or the connection sent no answer; other rules report these.
    """
    if _calls_after(line, name) != ["raised"] or not outcome.answers:
        return None
    return outcome.answers[0].status


def _parser_errors(protocol: Any) -> tuple[type[Exception], ...]:
    """Return the classes in ``parser_errors``; rule K4.6 checks that they are exception classes."""
    found = protocol.parser_errors
    if not isinstance(found, tuple):
        return ()
    return tuple(each for each in found if isinstance(each, type) and issubclass(each, Exception))


@check("K4.1")
async def translates(subject: Subject) -> None:
    """Translate an exception of each of the parser's classes."""
    async with subject.serve() as stage:
        protocol = stage.connected().protocol
        for error_class in _parser_errors(protocol):
            # The arguments of its constructor are unknown.
            exception = error_class.__new__(error_class)
            try:
                result = protocol.translate_exception(exception)
            except Exception as error:
                message = f"translate_exception raises {error!r} for {exception!r}"
                raise RuleBroken(message, expected="an HTTPException with an error status") from None
            if not isinstance(result, HTTPException) or not is_status(result.code):
                raise RuleBroken(
                    f"{exception!r} is translated to {result!r}",
                    expected="an HTTPException with an error status",
                )


@check("K4.2")
async def own_errors(subject: Subject) -> None:
    """Refuse a request in a callback, and check the answer."""
    async with subject.serve() as stage:
        line, (name, request) = stage.line(record=True), _first_call(subject)
        _fail_in(line, name, ContentTooLarge("This is refused by the test."))
        line.connect()
        outcome = await line.ask(request)
        if _answer_to_a_raise(line, name, outcome) not in (413, None):
            raise RuleBroken(
                f"a callback refused a request with 413; the outcome is {outcome!r}",
                request,
                "413: feed_data must raise the ProtocolError, or an error with it as cause or context",
            )


@check("K4.3")
async def ends_the_parse(subject: Subject) -> None:
    """Raise in a callback, and check that nothing more is called."""
    async with subject.serve() as stage:
        line, (name, request) = stage.line(record=True), _first_call(subject)
        _fail_in(line, name, ContentTooLarge())
        line.connect()
        await line.ask(request)
        after = _calls_after(line, name)
        if after != ["raised"]:
            message = f"after a callback raised, the calls were {after}"
            raise RuleBroken(message, request, "feed_data raises, and no more calls")


@check("K4.4")
async def refused(subject: Subject) -> None:
    """Send a request that the policy refuses."""
    async with subject.serve() as stage:
        outcome = await stage.connected().ask(NO_HOST)
        statuses = [(answer.status, answer.closes) for answer in outcome.answers]
        if statuses != [(400, True)] or stage.seen:
            raise RuleBroken(
                f"the outcome of a refused request is {outcome!r}", NO_HOST, "400 with close, no call"
            )


@check("K4.5")
async def quiet(subject: Subject) -> None:
    """Send a request that the policy refuses, and check the log."""
    async with subject.serve() as stage:
        await stage.connected().ask(NO_HOST)
        if stage.problems:
            raise RuleBroken(stage.problems[0], NO_HOST, "no ERROR record for a client's fault")


@check("K4.6")
async def parser_errors(subject: Subject) -> None:
    """Check the exceptions that the parser is declared to raise for bad input."""
    async with subject.serve() as stage:
        protocol: Any = stage.line().protocol
        found = protocol.parser_errors
        if not isinstance(found, tuple) or _parser_errors(protocol) != found:
            raise RuleBroken(f"parser_errors is {found!r}", expected="a tuple of subclasses of Exception")
        if Exception in found:
            raise RuleBroken(
                "parser_errors contains Exception itself, which turns every bug into a 400",
                expected="only the exceptions that the parser raises for bad input",
            )


@check("K4.7")
async def own_bugs(subject: Subject) -> None:
    """Let a callback fail, and check the answer and the log."""
    async with subject.serve() as stage:
        line, (name, request) = stage.line(record=True), _first_call(subject)
        recorded, told = line.protocol.on_url, line.protocol.on_body

        def on_body(body: bytes) -> None:
            told(body)
            raise TypeError("This bug is part of the test.")

        if name == "on_body":
            line.protocol.on_body = on_body
        else:
            line.protocol.on_url = lambda url: recorded(None)
        line.connect()
        outcome = await line.ask(request)
        status = _answer_to_a_raise(line, name, outcome)
        if status not in (500, None) or (status and not stage.problems):
            raise RuleBroken(
                f"a callback raised a TypeError; the outcome is {outcome!r}",
                request,
                "500, and in the log the TypeError or an error with it as cause or context",
            )
