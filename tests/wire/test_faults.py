"""What an application raises that is no Exception is an error of the one request; the server goes on."""

import argparse
import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Request, Response

from kyoukai import Kyoukai, event_stream
from kyoukai.asphalt import KyoukaiComponent

from ..serving import PATIENCE, Answering, chunks, error_records, message


class OddError(BaseException):
    """An exception of an application's own that is no Exception."""


def parse_arguments() -> None:
    """Have argparse refuse an argument, which it does by SystemExit."""
    argparse.ArgumentParser(exit_on_error=True).parse_args(["--wrong"])


def interrupt() -> None:
    raise KeyboardInterrupt


def leave_generator() -> None:
    raise GeneratorExit


def be_odd() -> None:
    raise OddError("odd")


FAULTS: dict[str, Callable[[], None]] = {
    "exit 2": lambda: sys.exit(2),
    "exit 0": lambda: sys.exit(0),
    "argparse": parse_arguments,
    "interrupt": interrupt,
    "generator exit": leave_generator,
    "odd": be_odd,
}


# What is told apart by how it is raised and caught. Where it is raised matters more than which it is.
KINDS = ["exit 2", "interrupt", "generator exit"]


@pytest.fixture(params=KINDS)
def fault(request: pytest.FixtureRequest) -> Callable[[], None]:
    """What raises each kind in turn."""
    return FAULTS[request.param]


@pytest.fixture
def leave() -> Callable[[], None]:
    """What raises the commonest of them."""
    return FAULTS["exit 2"]


def check_logged(caplog: Any, count: int = 1) -> None:
    """Check that so many errors were logged, each with the traceback down to where it was raised."""
    records = error_records(caplog)
    assert len(records) == count, [record.getMessage() for record in records]
    for record in records:
        error = record.exc_info[1]
        while error.__cause__ is not None:
            error = error.__cause__
        if hasattr(error, "exceptions"):  # Asphalt's TeardownError.
            error = error.exceptions[0].__cause__
        assert not isinstance(error, Exception)
        assert error.__traceback__ is not None


def check_going_on(server: Any) -> None:
    """Check that the server answers others."""
    assert server.request(message("GET", "/good")).body == b"good"


# An application of a dozen lines


@pytest.mark.parametrize("kind", FAULTS)
def test_an_application(serve, kind, caplog):
    @Answering
    async def app(request):
        if request.path == "/bad":
            FAULTS[kind]()
        return Response("good")

    server = serve(app)
    with server.connect() as client:
        assert client.request(message("GET", "/bad")).status == 500
        assert client.request(message("GET", "/good")).body == b"good"
    check_logged(caplog)


def test_an_application_that_has_waited(serve, fault, caplog):
    @Answering
    async def app(request):
        await asyncio.sleep(0)
        if request.path == "/bad":
            fault()
        return Response("good")

    with serve(app).connect() as client:
        assert client.request(message("GET", "/bad")).status == 500
        assert client.request(message("GET", "/good")).body == b"good"
    check_logged(caplog)


def test_the_class_of_the_requests(serve, fault, caplog):
    class Picky(Request):
        def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            super().__init__(environ, *args, **kwargs)
            if self.path == "/bad":
                fault()

    @Answering
    async def app(request):
        return Response("good")

    app.request_class = Picky
    server = serve(app)
    assert server.request(message("GET", "/bad")).status == 500
    check_going_on(server)
    check_logged(caplog)


def test_the_address_that_is_logged(serve, fault, caplog):
    class Nameless(Request):
        def __getattribute__(self, name: str) -> Any:
            if name == "remote_addr":
                fault()
            return super().__getattribute__(name)

    @Answering
    async def app(request):
        return Response("good")

    app.request_class = Nameless
    with caplog.at_level(logging.INFO, "kyoukai.access"):
        server = serve(app)
        check_going_on(server)
        check_going_on(server)
    check_logged(caplog, 0)


def test_a_response_that_is_read(serve, fault, caplog):
    class Unreadable(Response):
        @property
        def status(self) -> str:  # type: ignore[override]
            fault()
            return ""

        @status.setter
        def status(self, value: str) -> None:
            pass

    @Answering
    async def app(request):
        return Unreadable("bad") if request.path == "/bad" else Response("good")

    server = serve(app)
    assert server.request(message("GET", "/bad")).status == 500
    check_going_on(server)
    check_logged(caplog)


def failing_body(fault: Callable[[], None]) -> Iterator[bytes]:
    yield b"begun"
    fault()


async def failing_async_body(fault: Callable[[], None]) -> AsyncIterator[bytes]:
    yield b"begun"
    fault()


def failing_cleanup(fault: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield b"begun"
        yield b"more"
    finally:
        fault()


async def failing_async_cleanup(fault: Callable[[], None]) -> AsyncIterator[bytes]:
    try:
        yield b"begun"
        yield b"more"
    finally:
        fault()


@pytest.mark.parametrize("body", [failing_body, failing_async_body, failing_cleanup, failing_async_cleanup])
def test_a_body(serve, fault, body, caplog):
    @Answering
    async def app(request):
        return Response(body(fault)) if request.path == "/bad" else Response("good")

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        assert client.receive_head().status == 200
        # Without its last chunk, it is known to be incomplete.
        assert not client.receive_rest().endswith(b"0\r\n\r\n")
    check_going_on(server)
    server.wait_until_empty()
    check_logged(caplog)


@pytest.mark.parametrize("body", [failing_cleanup, failing_async_cleanup])
def test_cleanup_of_an_unsent_body(serve, fault, body, caplog):
    @Answering
    async def app(request):
        content = body(fault)
        if hasattr(content, "__anext__"):
            await anext(content)
        else:
            next(content)
        return Response(content) if request.path == "/bad" else Response("good")

    server = serve(app)
    assert server.request(message("HEAD", "/bad"), "HEAD").status == 200
    server.wait_until_empty()
    # To raise GeneratorExit is what a generator that is closed is asked for.
    check_logged(caplog, 0 if fault is leave_generator else 1)


@pytest.mark.parametrize("content", [b"good", [b"go", b"od"], iter], ids=["bytes", "list", "stream"])
def test_close_callbacks_of_a_response(serve, fault, content, caplog):
    others = []

    @Answering
    async def app(request):
        response = Response(iter([b"good"]) if content is iter else content)
        if request.path == "/bad":
            response.call_on_close(fault)
        else:
            others.append(request.path)
        return response

    with serve(app).connect() as client:
        assert client.request(message("GET", "/bad")).body == b"good"
        assert client.request(message("GET", "/good")).body == b"good"
    assert others == ["/good"]
    check_logged(caplog)


def test_body_policy(serve, fault, caplog):
    class Planning(Answering):
        def receive_head(self, environ: dict[str, Any]) -> None:
            if environ["PATH_INFO"] == "/bad":
                fault()

    @Planning
    async def app(request):
        return Response("good")

    server = serve(app)
    data = message("POST", "/bad", "Transfer-Encoding: chunked") + chunks(b"abc")
    with server.connect() as client:
        client.send(data[: -len(b"0\r\n\r\n")])
        assert client.receive().status == 500
    check_going_on(server)
    check_logged(caplog)


def test_trailer_functions(serve, fault, caplog):
    @Answering
    async def app(request):
        response = Response(iter([b"good"]))
        if request.path == "/bad":
            response.trailers = fault
        return response

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/bad", "TE: trailers"))
        client.receive_until(b"4\r\ngood\r\n")
        # What closes a coroutine looks the same as a GeneratorExit: the answer is cut off for it.
        if fault is leave_generator:
            assert client.receive_rest() == b""
        else:
            assert client.receive_until(b"\r\n\r\n") == b"0\r\n\r\n"
    check_going_on(server)
    check_logged(caplog)


# An application of this package


class Site:
    """An application with one more part, at ``/bad``, and the answer ``good`` elsewhere."""

    def __init__(self, **options: Any) -> None:
        self.app = Kyoukai("site", **options)
        self.notes: list[object] = []

        @self.app.route("/good")
        async def good(ctx):
            return "good"


@pytest.fixture
def site() -> Site:
    return Site()


def check_refused(serve: Any, site: Site, caplog: Any, count: int = 1) -> None:
    """Check that ``/bad`` is answered by a 500 on a connection that goes on."""
    with serve(site.app).connect() as client:
        assert client.request(message("GET", "/bad")).status == 500
        assert client.request(message("GET", "/good")).body == b"good"
    check_logged(caplog, count)


def test_a_handler(serve, site, fault, caplog):
    @site.app.route("/bad")
    async def bad(ctx):
        fault()

    check_refused(serve, site, caplog)


def test_a_handler_in_a_thread(serve, site, fault, caplog):
    @site.app.route("/bad")
    def bad(ctx):
        fault()

    check_refused(serve, site, caplog)


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_hook(serve, site, fault, kind, in_thread, caplog):
    bp = getattr(site.app, f"{kind}_request")

    @site.app.route("/bad")
    async def bad(ctx):
        return "bad"

    def hook(ctx, *response):
        if ctx.request.path == "/bad":
            fault()

    async def async_hook(ctx, *response):
        hook(ctx)

    bp(hook if in_thread else async_hook)
    check_refused(serve, site, caplog)


def test_the_handler_of_an_error(serve, site, fault, caplog):
    @site.app.route("/bad")
    async def bad(ctx):
        raise ValueError("no")

    @site.app.errorhandler(ValueError)
    async def handle(ctx, exc):
        fault()

    check_refused(serve, site, caplog)


def test_error_handlers_and_hooks_after_see_it(serve, site, leave, caplog):
    @site.app.route("/bad")
    async def bad(ctx):
        leave()

    @site.app.errorhandler(500)
    async def handle(ctx, exc):
        return f"handled {exc.original_exception.__cause__!r}"

    @site.app.after_request
    async def allow(ctx, response):
        response.headers["Access-Control-Allow-Origin"] = "*"

    answer = serve(site.app).request(message("GET", "/bad"))
    assert (answer.status, answer.body) == (500, b"handled SystemExit(2)")
    assert answer.fields["access-control-allow-origin"] == "*"
    check_logged(caplog)


def test_a_handler_of_exceptions_claims_it(serve, site, leave, caplog):
    @site.app.route("/bad")
    async def bad(ctx):
        leave()

    @site.app.errorhandler(Exception)
    async def handle(ctx, exc):
        return f"claimed {exc}", 503

    answer = serve(site.app).request(message("GET", "/bad"))
    assert (answer.status, answer.body) == (503, b"claimed the application raised SystemExit(2)")
    check_logged(caplog, 0)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_teardown_callback(serve, site, fault, is_async, caplog):
    called = threading.Event()

    @site.app.route("/bad")
    async def bad(ctx):
        async def tear_down():
            fault()

        ctx.add_teardown_callback(called.set)
        ctx.add_teardown_callback(tear_down if is_async else fault)
        return "bad"

    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        assert client.receive().status == 500
    check_going_on(server)
    check_logged(caplog)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("topic", ["route_invoked", "route_completed"])
def test_a_listener_of_a_request(serve, site, fault, topic, is_async, caplog):
    @site.app.before_request
    async def listen(ctx):
        def hear(event):
            if ctx.request.path == "/bad":
                fault()

        async def hear_async(event):
            hear(event)

        getattr(ctx, topic).connect(hear_async if is_async else hear)

    @site.app.route("/bad")
    async def bad(ctx):
        return "heard"

    # What a listener raises is Asphalt's to log, and the request goes on.
    with serve(site.app).connect() as client:
        assert client.request(message("GET", "/bad")).body == b"heard"
        assert client.request(message("GET", "/good")).body == b"good"
    check_logged(caplog)


@pytest.mark.parametrize("is_async", [False, True])
def test_listener_that_awaits_a_cancelled_task(serve, site, is_async, caplog):
    @site.app.before_request
    async def listen(ctx):
        def hear(event):
            raise asyncio.CancelledError

        async def hear_async(event):
            hear(event)

        ctx.route_invoked.connect(hear_async if is_async else hear)

    with serve(site.app).connect() as client:
        assert client.request(message("GET", "/good")).body == b"good"
    check_logged(caplog)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("topic", ["connection_made", "connection_lost"])
def test_a_listener_of_a_connection(serve, site, fault, topic, is_async, caplog):
    server = serve(site.app)
    heard = threading.Event()

    def hear(event):
        heard.set()
        fault()

    async def hear_async(event):
        hear(event)

    listener = hear_async if is_async else hear
    signal = getattr(server.component, topic)
    server.call(signal.connect, listener)
    check_going_on(server)
    assert heard.wait(PATIENCE)
    server.wait_until(lambda: error_records(caplog))
    server.call(signal.disconnect, listener)
    check_going_on(server)
    check_logged(caplog)
    assert getattr(KyoukaiComponent, topic) is not signal


def test_events(serve, site, fault, caplog):
    async def produce():
        yield "first"
        fault()

    @site.app.route("/bad")
    async def bad(ctx):
        return event_stream(ctx, produce())

    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        assert client.receive_head().status == 200
        assert b"data: first" in (rest := client.receive_rest())
        assert not rest.endswith(b"0\r\n\r\n")
    check_going_on(server)
    check_logged(caplog)


class Unusable:
    """Events that cannot be asked for."""

    def __init__(self, fault: Callable[[], None]) -> None:
        self.fault = fault

    def __aiter__(self) -> Any:
        self.fault()


def test_events_that_cannot_be_asked_for(serve, site, fault, caplog):
    @site.app.route("/bad")
    async def bad(ctx):
        return event_stream(ctx, Unusable(fault))

    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        assert client.receive_head().status == 200
        assert client.receive_rest() == b""
    check_going_on(server)
    check_logged(caplog)


def test_the_cleanup_of_events(serve, site, fault, caplog):
    async def produce():
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            fault()

    @site.app.route("/bad")
    async def bad(ctx):
        return event_stream(ctx, produce())

    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        client.receive_until(b"data: first\n\n")
        client.reset()
    server.wait_until_empty()
    server.wait_until(lambda: error_records(caplog))
    check_going_on(server)
    check_logged(caplog)


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_background_task(serve, site, fault, in_thread, caplog):
    async def fail():
        fault()

    def begin(ctx):
        site.app.create_task(fail())
        return "begun"

    async def begin_async(ctx):
        return begin(ctx)

    site.app.route("/bad")(begin if in_thread else begin_async)
    server = serve(site.app)
    assert server.request(message("GET", "/bad")).body == b"begun"
    server.wait_until(lambda: error_records(caplog))
    check_going_on(server)
    check_logged(caplog)


def test_a_converter(serve, fault, caplog):
    class Picky(BaseConverter):
        def to_python(self, value: str) -> str:
            fault()
            return value

    site = Site(converters={"picky": Picky})

    @site.app.route("/items/<picky:item>", methods=["GET", "POST"], max_body_size=100)
    async def bad(ctx, item):
        return "bad"

    server = serve(site.app)
    assert server.request(message("GET", "/items/one")).status == 500
    # The route is looked for at the head's end, too.
    assert server.request(message("POST", "/items/one", body=b"abc")).status == 500
    check_going_on(server)
    check_logged(caplog, 2)


def test_an_encoder_of_json(serve, fault, caplog):
    def encode(value):
        fault()

    site = Site(json_encoder=encode)

    @site.app.route("/bad")
    async def bad(ctx):
        return {}

    check_refused(serve, site, caplog)


def mounted(fault: Callable[[], None], place: str) -> Callable[..., Any]:
    """Return a WSGI application that fails at one place."""

    class Body:
        def __iter__(self):
            yield b"begun"
            if place == "body":
                fault()

        def close(self):
            if place == "close":
                fault()

    def application(environ, start_response):
        if place == "call":
            fault()
        start_response("200 OK", [])
        return Body()

    return application


@pytest.mark.parametrize("place", ["call", "body", "close"])
def test_a_mounted_application(serve, site, fault, place, caplog):
    site.app.mount("/bad", mounted(fault, place))
    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/bad"))
        answer = client.receive_head()
        assert answer.status == (500 if place == "call" else 200)
    server.wait_until(lambda: error_records(caplog))
    check_going_on(server)
    check_logged(caplog)


def test_a_hook_at_the_stop(serve, site, leave):
    @site.app.after_serving
    async def first(ctx):
        site.notes.append("called")

    @site.app.after_serving
    async def second(ctx):
        leave()

    server = serve(site.app)
    check_going_on(server)
    server.begin_stop()
    server._thread.join(PATIENCE)
    # The other one is called, and the process is not left with its status.
    assert site.notes == ["called"]
    assert isinstance(server._error, BaseException)
    assert not isinstance(server._error, SystemExit)
