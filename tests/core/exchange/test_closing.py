"""Closing what was sent, each part where it belongs."""

import asyncio
import contextvars
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import FileWrapper

from kyoukai.core.exchange.closing import Former, close_both, close_quietly, close_stream
from kyoukai.core.serving.strands import InStrand, Strand, note_strand

variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")


def with_body(body: Any) -> Response:
    """Return a response with ``body`` assigned, as an application may."""
    response = Response()
    response.response = body
    return response


class Upstream:
    """The body of a response that holds something which is closed asynchronously."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.is_closed = False

    def __aiter__(self) -> "Upstream":
        return self

    async def aclose(self) -> None:
        self.is_closed = True
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, RuntimeError("no more")])
def test_a_body_and_its_response_are_closed(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    body = Upstream(error)
    response = Response()
    response.response = body  # type: ignore[assignment]
    closed: list[bool] = []
    response.call_on_close(lambda: closed.append(True))
    asyncio.run(close_stream(response))
    assert body.is_closed
    assert closed == [True]
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == ([error] if error else [])


def test_what_closing_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    response = Response("x")
    response.call_on_close(lambda: 1 / 0)
    close_quietly(response)
    close(environ := {"werkzeug.request": object()}, response)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == 2 * [ZeroDivisionError]
    assert environ == {}


def close(environ: dict[str, Any], response: Response | None) -> None:
    """Close both as a connection does."""
    closing = close_both(environ, response)
    if closing is not None:
        asyncio.run(closing)


def sent_and_closed(*responses: Response) -> list[Response]:
    """Close a response as a connection does, and return which of those that are given were closed."""
    closed: list[Response] = []
    for response in responses:
        response.call_on_close(partial(closed.append, response))
        close({}, response)
    return closed


def test_a_response_is_closed_whatever_its_body_is() -> None:
    in_memory, streamed = Response("abc"), with_body(iter([b"abc"]))
    assert sent_and_closed(in_memory, streamed) == [in_memory, streamed]


@pytest.mark.parametrize("response", [None, Response("abc")])
def test_the_files_of_a_request_are_closed(response: Response | None) -> None:
    environ = create_environ("/", method="POST", data={"file": (io.BytesIO(b"abc"), "a.txt")})
    request = Request(environ)
    file = request.files["file"]
    close(environ, response)
    assert file.stream.closed
    assert "werkzeug.request" not in environ


@pytest.mark.parametrize("content_type", [None, "application/json", "Multipart/form-data; boundary=x"])
def test_a_request_whose_files_nobody_asked_for_is_let_go(content_type: str | None) -> None:
    environ = create_environ("/", method="POST", data=b"", content_type=content_type)
    request = Request(environ)
    closed = []
    request.close = lambda: closed.append(True)  # type: ignore[method-assign]
    close(environ, None)
    assert "werkzeug.request" not in environ
    # A form may have broken off with files that are not in `files`.
    assert bool(closed) is (content_type is not None and content_type.startswith("Multipart"))


def test_a_body_whose_closing_fails_leaves_its_response_closed(caplog: pytest.LogCaptureFixture) -> None:
    class Body:
        async def aclose(self) -> None:
            raise ValueError("no")

    response = with_body(Body())
    assert sent_and_closed(response) == [response]
    assert caplog.messages == ["closing the body of a response failed"]


class Noting:
    """A body that notes in which thread it is closed."""

    def __init__(self) -> None:
        self.closed_in: list[threading.Thread] = []

    def __iter__(self) -> Iterator[bytes]:
        return iter((b"abc",))

    def close(self) -> None:
        self.closed_in.append(threading.current_thread())


class Asynchronous(Noting):
    def __aiter__(self) -> "Asynchronous":
        return self


@pytest.mark.parametrize(("kind", "is_threaded"), [(Noting, True), (Asynchronous, False)])
def test_what_the_loop_does_not_read_is_closed_in_a_thread(kind: type[Noting], is_threaded: bool) -> None:
    body = kind()
    close({}, with_body(body))
    assert [thread is not threading.main_thread() for thread in body.closed_in] == [is_threaded]


def test_a_class_that_closes_in_its_own_way() -> None:
    closed: list[tuple[str, bool]] = []

    class Own(Response):
        def close(self) -> None:
            closed.append(("own", threading.current_thread() is threading.main_thread()))
            super().close()

    in_memory, streamed = Own("abc"), Own()
    streamed.response = Noting()  # type: ignore[assignment]
    for response in in_memory, streamed:
        response.call_on_close(partial(closed.append, ("callback", True)))
        close({}, response)
    assert closed == [("own", True), ("callback", True), ("own", False), ("callback", True)]


def test_a_callback_of_a_thread_is_called_in_its_context() -> None:
    strand, reset = Strand(), []
    token = strand.run(variable.set, 1)

    def callback() -> None:
        variable.reset(token)
        reset.append(threading.current_thread())

    response = Response("abc")
    response.call_on_close(InStrand(callback, strand))
    close({}, response)
    assert reset
    assert threading.main_thread() not in reset


def test_callbacks_of_the_loop_stay_there_whatever_the_one_before_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = []
    response = with_body(Noting())
    response.call_on_close(lambda: 1 / 0)
    response.call_on_close(lambda: seen.append(threading.current_thread()))
    close({}, response)
    assert seen == [threading.main_thread()]
    assert caplog.messages == ["closing a Response failed"]


def test_a_body_is_closed_in_the_strand_that_it_was_read_in() -> None:
    strand, reset = Strand(), threading.Event()

    def pieces() -> Iterator[bytes]:
        token = variable.set(1)
        try:
            yield b"abc"
        finally:
            variable.reset(token)
            reset.set()

    former = pieces()
    strand.run(next, former)

    def outer() -> Iterator[bytes]:
        yield from former

    body = outer()
    response = with_body(body)
    response.call_on_close(Former(with_body(former)))
    note_strand(body, strand)
    close({}, response)
    assert reset.is_set()


def test_the_one_before_may_be_closed_by_hand() -> None:
    body = Noting()
    Former(with_body(body))()
    assert body.closed_in == [threading.current_thread()]


def test_a_cancellation_skips_nothing_that_is_to_be_closed() -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), []

    class Slow(Noting):
        def close(self) -> None:
            begun.set()
            go_on.wait(20)
            closed.append("body")

    async def main() -> None:
        response = with_body(Slow())
        response.call_on_close(lambda: closed.append("callback"))
        task = asyncio.create_task(close_stream(response))
        await asyncio.to_thread(begun.wait, 20)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert closed == ["body", "callback"]


def opened(path: Path, kind: str) -> IO[bytes]:
    path.write_bytes(b"abc")
    if kind == "memory":
        return io.BytesIO(b"abc")
    if kind == "temporary":
        return TemporaryFile()
    file = path.open("r+b" if kind == "written" else "rb")
    if kind == "removed":
        os.unlink(path)
    if kind == "closed":
        file.close()
    return file


@pytest.mark.parametrize("kind", ["memory", "temporary", "written", "removed", "read", "closed"])
def test_a_file_whose_closing_may_take_a_while_is_closed_in_a_thread(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(tmp_path / "file", kind)
    closed_in: list[threading.Thread] = []

    def note(self: FileWrapper) -> None:
        closed_in.append(threading.current_thread())
        self.file.close()

    monkeypatch.setattr(FileWrapper, "close", note)
    close({}, with_body(FileWrapper(file)))
    assert file.closed
    assert [thread is threading.main_thread() for thread in closed_in] == [kind in ("read", "closed")]


@pytest.mark.parametrize("response", [None, with_body(iter((b"abc",)))])
@pytest.mark.parametrize("size", [10, 1024 * 1024])
def test_files_on_the_disk_are_closed_in_a_thread(
    response: Response | None, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = create_environ("/", method="POST", data={"file": (io.BytesIO(bytes(size)), "a.txt")})
    request = Request(environ)
    file, closed_in = request.files["file"], []
    closing = file.close

    def note() -> None:
        closed_in.append(threading.current_thread())
        closing()

    monkeypatch.setattr(file, "close", note)
    environ["wsgi.input"].close()
    close(environ, response)
    assert file.stream.closed
    assert [thread is threading.main_thread() for thread in closed_in] == [size == 10]


def test_what_a_form_that_broke_off_has_written_to_the_disk_is_closed_too() -> None:
    class Parsing(Request):
        def close(self) -> None:
            closed_in.append(threading.current_thread())

    closed_in: list[threading.Thread] = []
    environ = create_environ("/", method="POST", data=b"", content_type="multipart/form-data; boundary=x")
    with TemporaryFile() as file:
        vars(Parsing(environ))["file_streams"] = [file]
        close(environ, None)
    assert closed_in
    assert threading.main_thread() not in closed_in


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT have Python's own handler, whose KeyboardInterrupt ends a process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("body", [[b"whole"], iter([b"streamed"])], ids=["whole", "streamed"])
def test_an_interrupt_in_what_closes_a_response_ends_the_process(body: Any) -> None:
    response = with_body(body)
    response.call_on_close(interrupt)

    def close() -> None:
        closing = close_both({}, response)
        if closing is not None:
            closing.send(None)

    with pytest.raises(KeyboardInterrupt):
        close()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_in_what_closes_a_body_ends_the_process() -> None:
    class Body:
        async def aclose(self) -> None:
            interrupt()

    with pytest.raises(KeyboardInterrupt):
        close_stream(with_body(Body())).send(None)


@pytest.mark.parametrize("is_over", [False, True])
def test_a_generator_that_is_over_takes_no_thread(is_over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    async def run_in_thread(
        function: Callable[[], object], name: str, *args: object, **options: object
    ) -> None:
        used.append(name)
        function()

    monkeypatch.setattr("kyoukai.core.exchange.closing.run_in_thread", run_in_thread)
    body = (piece for piece in "abc")
    if is_over:
        assert list(body) == ["a", "b", "c"]
    close({}, with_body(body))
    assert bool(used) is not is_over
    assert body.gi_frame is None


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_in_what_closes_a_request_ends_the_process() -> None:
    request = Request(create_environ("/"))
    request.close = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        close_quietly(request)
