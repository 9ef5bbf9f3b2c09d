import asyncio
import logging
from typing import Any

import pytest

from kyoukai.core.errors import BadRequest
from kyoukai.core.exchange.body_stream import ClientGoneError
from kyoukai.wsgi.call import Begun, WSGICall
from kyoukai.wsgi.pipe import PipeBody

from ..web.asking import environ_of


def call(application: Any, method: str = "GET", path: str = "/a") -> tuple[Begun, bytes]:
    """Return the answer and the whole body of one call, in a thread."""

    async def main() -> tuple[Begun, bytes]:
        one = WSGICall(application, environ_of(path, method), asyncio.get_running_loop(), buffer_size=16)
        job = asyncio.create_task(asyncio.to_thread(one.run))
        begun = await one.begun
        body: Any = begun.body
        data = b"".join([p async for p in body]) if isinstance(body, PipeBody) else body
        await job
        return begun, data

    return asyncio.run(main())


def answering(body: Any, *headers: tuple[str, str]) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return body

    return application


@pytest.mark.parametrize(
    ("body", "length"),
    [
        ([b"abc"], "3"),
        ([b"ab", b"c"], "3"),
        ((b"", b"abc"), "3"),
        (iter([b"abc"]), None),
        (iter([b"", b"ab", b"", b"c"]), None),
    ],
)
def test_known_length_is_declared(body: Any, length: str | None) -> None:
    begun, data = call(answering(body))
    assert data == b"abc"
    # Nothing else is added to what the application said.
    assert begun.headers == ([("Content-Length", length)] if length else [])
    assert isinstance(begun.body, bytes) is (length is not None)


def test_complete_declared_body_is_one_write() -> None:
    begun, data = call(answering(iter([b"abc"]), ("Content-Length", "3")))
    assert begun.body == data == b"abc"


def test_answer_to_head_has_no_invented_length() -> None:
    begun, _ = call(answering([]), "HEAD")
    assert isinstance(begun.body, PipeBody)
    begun, _ = call(answering([], ("content-length", "7")), "HEAD")
    assert (begun.body, begun.headers) == (b"", [("content-length", "7")])


def test_more_than_was_declared_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, data = call(answering(iter([b"abc", b"d"]), ("Content-Length", "3")))
    assert data == b"abc"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the body is longer than its Content-Length"


def test_an_error_of_one_request_ends_no_process() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"raised SystemExit\(3\)") as caught:
        call(application)
    assert isinstance(caught.value.__cause__, SystemExit)


def test_start_response_after_the_head_raises_what_it_is_given() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"a"
        try:
            raise ValueError("why")
        except ValueError as exc:
            start_response("500 Late", [], (type(exc), exc, exc.__traceback__))

    with pytest.raises(ValueError, match="why"):
        call(application)


def test_an_abandoned_application_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.wsgi")
    closed: list[str] = []

    class Body:
        def __iter__(self) -> Any:
            while True:
                yield b"a"

        def close(self) -> None:
            closed.append("closed")

    async def main() -> None:
        one = WSGICall(answering(Body()), environ_of(), asyncio.get_running_loop(), buffer_size=16)
        one.begun.cancel()
        one.abandon()
        await asyncio.to_thread(one.run)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]
    assert closed == ["closed"]


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (ValueError("why"), "ERROR"),
        (ConnectionResetError("a database is gone"), "ERROR"),
        (ClientGoneError(), "DEBUG"),
        (BadRequest("a chunk"), "DEBUG"),
    ],
)
def test_an_error_that_nobody_waits_for_is_logged(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "kyoukai.wsgi")

    def application(environ: Any, start_response: Any) -> Any:
        raise error

    async def main() -> None:
        one = WSGICall(application, environ_of("/b"), asyncio.get_running_loop(), buffer_size=16)
        one.begun.cancel()
        await asyncio.to_thread(one.run)
        await asyncio.sleep(0)

    asyncio.run(main())
    (record,) = caplog.records
    assert record.getMessage() == "GET '/b': the WSGI application failed, with nobody to answer"
    # What a client does is no fault of the application.
    assert record.levelname == level
