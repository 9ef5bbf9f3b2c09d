"""What hosted applications do wrong: each is an error in ``send``, one line of the log, and a 500."""

import asyncio
from typing import Any

import pytest
from werkzeug.exceptions import ImATeapot

from kyoukai.core.semantics.serialize import InvalidResponseError

from ...serving import error_records, message
from .speaking import body, hosted, respond, start

pytestmark = pytest.mark.every_wire

Serve = Any

WRONG: dict[str, tuple[list[Any], type[Exception], str]] = {
    "body-first": ([body(b"a")], RuntimeError, "before http.response.start|has to be sent first"),
    "two-starts": ([start(), start()], RuntimeError, "sent twice"),
    "unknown": ([start(), {"type": "http.response.push"}], RuntimeError, "'http.response.push'"),
    "no-type": ([{}], KeyError, "type"),
    "no-status": ([{"type": "http.response.start"}], KeyError, "status"),
    "status-text": ([start("200")], TypeError, "must be an int"),  # type: ignore[arg-type]
    "status-bool": ([start(True)], TypeError, "must be an int"),
    "status-100": ([start(100)], InvalidResponseError, "100"),
    "status-1000": ([start(1000)], InvalidResponseError, "1000"),
    "header-text": ([start(200, ("a", "b"))], TypeError, "pairs of bytes"),  # type: ignore[arg-type]
    "header-single": ([start(200, (b"a",))], TypeError, "pairs of bytes"),  # type: ignore[arg-type]
    # CVE-2020-7695 (uvicorn)
    "header-break": ([start(200, (b"a", b"b\r\nc: d"))], InvalidResponseError, "CR, LF or NUL"),
    "header-name": ([start(200, (b"a b", b"c"))], InvalidResponseError, "not a token"),
    "length-text": ([start(200, (b"content-length", b"x"))], InvalidResponseError, "not a number"),
    "length-short": ([start(200, (b"content-length", b"9")), body(b"a")], InvalidResponseError, "says 9"),
    "length-long": ([start(200, (b"content-length", b"1")), body(b"abc")], InvalidResponseError, "says 1"),
    "body-text": ([start(), body("text")], TypeError, "must be bytes, not str"),  # type: ignore[arg-type]
    "body-none": ([start(), body(None)], TypeError, "must be bytes"),  # type: ignore[arg-type]
    "trailers": ([start(), {"type": "http.response.trailers"}], RuntimeError, "trailers=True"),
    "path-text": ([start(), {"type": "http.response.pathsend", "path": b"/"}], TypeError, "must be a str"),
    "path-first": ([{"type": "http.response.pathsend", "path": "/"}], RuntimeError, "has to follow"),
    "path-absent": ([start(), {"type": "http.response.pathsend", "path": "/nowhere/a"}], OSError, "nowhere"),
    "hint-text": ([{"type": "http.response.early_hint", "links": ["a"]}], TypeError, "pairs of bytes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_event_that_cannot_be_sent(serve: Serve, caplog: Any, name: str) -> None:
    events, error, text = WRONG[name]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/well":
            for event in events[:-1]:
                await send(event)
            with pytest.raises(error, match=text):
                await send(events[-1])
            if len(events) > 1:
                return
            # It may answer all the same.
            await respond(send, b"well")
        for event in events:
            await send(event)

    with hosted(serve, application).connect() as client:
        answer = client.request(message("GET", "/"))
        assert (answer.status, b"Internal Server Error" in answer.body) == (500, True)
        [record] = error_records(caplog)
        assert isinstance(record.exc_info[1], error)  # type: ignore[index]
        # The connection goes on.
        answer = client.request(message("GET", "/well"))
        assert answer.status == (200 if len(events) == 1 else 500)


async def answer_nothing(scope: Any, receive: Any, send: Any) -> None:
    """Return."""


async def only_begin(scope: Any, receive: Any, send: Any) -> None:
    """Return, and nothing has been sent yet."""
    await send(start())


async def fail(scope: Any, receive: Any, send: Any) -> None:
    """Raise, behind an event of which nothing has been sent yet."""
    await send(start())
    raise LookupError("a secret")


async def raise_http_error(scope: Any, receive: Any, send: Any) -> None:
    """Raise what an application of another kind would have answered."""
    raise ImATeapot


async def exit_process(scope: Any, receive: Any, send: Any) -> None:
    """Do what ends a program."""
    raise SystemExit(1)


async def raise_cancellation(scope: Any, receive: Any, send: Any) -> None:
    """Raise what nobody has asked for."""
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    "application", [answer_nothing, only_begin, fail, raise_http_error, exit_process, raise_cancellation]
)
def test_a_failure_is_a_500_and_a_traceback(serve: Serve, caplog: Any, application: Any) -> None:
    with hosted(serve, application).connect() as client:
        for _ in range(2):
            caplog.clear()
            answer = client.request(message("GET", "/path"))
            assert (answer.status, b"secret" in answer.body) == (500, False)
            [record] = error_records(caplog)
            assert "GET '/path'" in record.getMessage()
            assert record.exc_info is not None


@pytest.mark.parametrize("how", ["raise", "return", "too-long", "too-short"])
def test_an_answer_that_has_begun_is_broken_off(serve: Serve, caplog: Any, how: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-length", b"9")] if how.startswith("too") else []
        await send(start(200, *fields))
        await send(body(b"one", more=True))
        if how == "raise":
            raise LookupError("a bug")
        if how == "too-long":
            await send(body(b"two three"))
        if how == "too-short":
            await send(body(b""))

    with hosted(serve, application).connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        rest = client.receive_rest()
        assert b"one" in rest
        assert not rest.endswith(b"0\r\n\r\n")
    assert len(error_records(caplog)) == 1
