"""Applications and bodies that fail, and that their responses are closed all the same."""

import asyncio
import contextlib
import re
import threading

import pytest
from werkzeug.wrappers import Response

from kyoukai import Kyoukai, add_trailers
from tests.logged import unnumbered

from ..serving import PATIENCE, Answering, error_records, message

pytestmark = pytest.mark.every_wire


def failing_generator():
    yield b"begun"
    raise ZeroDivisionError("midway")


async def failing_async_generator():
    yield b"begun"
    raise ZeroDivisionError("midway")


def failing_at_once():
    raise ZeroDivisionError("midway")
    yield b"never"


STREAMS = {"sync": failing_generator, "async": failing_async_generator}


def test_an_exception_is_a_500_and_the_connection_goes_on(serve, caplog):
    @Answering
    async def app(request):
        if request.path == "/bad":
            raise ZeroDivisionError("secret")
        return Response("good")

    with serve(app).connect() as client:
        answer = client.request(message("GET", "/bad"))
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert b"ZeroDivision" not in answer.body
        assert client.request(message("GET", "/good")).body == b"good"
    (record,) = error_records(caplog)
    assert record.name == "kyoukai.protocol"
    assert record.exc_info[0] is ZeroDivisionError


def test_what_is_no_response_is_a_500(serve, caplog):
    @Answering
    async def app(request):
        return "text"

    assert serve(app).request(message()).status == 500
    assert len(error_records(caplog)) == 1


def test_handler_that_awaits_a_cancelled_task_is_a_500(serve, caplog):
    @Answering
    async def app(request):
        if request.path == "/next":
            return Response("next")
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        return await task

    with serve(app, limits={"shutdown_timeout": 0.1}).connect() as client:
        client.socket.settimeout(2)
        assert client.request(message()).status == 500
        assert client.request(message("GET", "/next")).body == b"next"
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]


def test_a_handler_that_cancels_itself_closes_the_connection(serve):
    @Answering
    async def app(request):
        asyncio.current_task().cancel()
        await asyncio.sleep(600)

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.http1
def test_a_stream_that_raises_cuts_the_connection(serve, kind, caplog):
    @Answering
    async def app(request):
        return Response(STREAMS[kind]())

    with serve(app).connect() as client:
        client.send(message() + message())
        client.receive_head()
        assert client.receive_rest() == b"5\r\nbegun\r\n"
    (record,) = error_records(caplog)
    assert record.name == "kyoukai.protocol"
    assert record.exc_info[0] is ZeroDivisionError


def test_a_stream_that_raises_at_once(serve, caplog):
    @Answering
    async def app(request):
        return Response(failing_at_once())

    with serve(app).connect() as client:
        client.send(message())
        client.receive_head()
        assert client.receive_rest() == b""
    assert [record.exc_info[0] for record in error_records(caplog)] == [ZeroDivisionError]


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.http1
def test_answer_without_a_length_is_cut_by_a_reset(serve, kind, caplog):
    @Answering
    async def app(request):
        return Response(STREAMS[kind]())

    with serve(app).connect() as client, pytest.raises(ConnectionResetError):
        client.request(b"GET / HTTP/1.0\r\n\r\n")
    assert [record.exc_info[0] for record in error_records(caplog)] == [ZeroDivisionError]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_response_is_closed_after_an_error_midway(serve, kind, caplog):
    closed = threading.Event()

    @Answering
    async def app(request):
        response = Response(STREAMS[kind]())
        response.call_on_close(closed.set)
        return response

    with serve(app).connect() as client:
        client.send(message())
        client.receive_rest()
        assert closed.wait(PATIENCE)


BODIES = {
    "bytes": lambda: b"body",
    "empty": lambda: b"",
    "generator": lambda: (piece for piece in "body"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 304])
def test_a_response_is_closed_once(serve, method, body, status):
    closed = []
    done = threading.Event()

    @Answering
    async def app(request):
        if request.path == "/end":
            done.set()
            return Response("end")
        response = Response(BODIES[body](), status=status)
        response.call_on_close(lambda: closed.append(True))
        return response

    server = serve(app)
    with server.connect() as client:
        client.request(message(method), method)
        client.request(message("GET", "/end"))
        assert done.is_set()
    # By HTTP/2, the next request does not wait for that.
    server.wait_until(lambda: closed)
    assert closed == [True]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_generator_is_closed(serve, method):
    closed = threading.Event()

    class Stream:
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            closed.set()

    @Answering
    async def app(request):
        return Response(Stream())

    with serve(app).connect() as client:
        client.request(message(method), method)
        assert closed.wait(PATIENCE)


def test_a_response_is_closed_where_its_client_is_gone(serve):
    closed = threading.Event()
    called = threading.Event()
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        called.set()
        await go_on.wait()
        response = Response(b"body")
        response.call_on_close(closed.set)
        return response

    server = serve(app)
    client = server.connect()
    client.send(message())
    assert called.wait(PATIENCE)
    client.reset()
    server.wait_until_empty()
    server.call(go_on.set)
    assert closed.wait(PATIENCE)


def test_an_exception_in_close_is_logged_and_the_connection_goes_on(serve, caplog):
    @Answering
    async def app(request):
        response = Response(b"body")
        response.call_on_close(lambda: 1 / 0)
        return response

    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request(message()).body == b"body"
        client.end()
        client.receive_rest()
    assert [record.exc_info[0] for record in error_records(caplog)] == [ZeroDivisionError] * 2


# Who is to blame


def make_failing_application():
    app = Kyoukai("failing")

    @app.route("/snow")
    async def snow(ctx):
        return "hi", 200, {"X-Snow": "\u2603"}

    @app.route("/stream/<int:number>")
    def stream(ctx, number):
        yield b"a"
        raise LookupError(number)

    @app.route("/raise")
    async def fail(ctx):
        raise LookupError("template.html")

    @app.errorhandler(ZeroDivisionError)
    async def answer(ctx, error):
        raise LookupError

    @app.route("/divide")
    async def divide(ctx):
        return 1 / 0

    @app.route("/trailers")
    async def trailers(ctx):
        # They are made when the body has been sent.
        return add_trailers(Response(iter([b"a"])), lambda: {"X-Snow": "\u2603"})

    return app


@pytest.mark.parametrize(
    ("path", "start", "handler"),
    [
        ("/snow", "the answer to GET '/snow' cannot be sent", "snow"),
        ("/stream/5", "the body of the answer to GET '/stream/5' failed", "stream"),
        ("/raise", "GET '/raise': unhandled exception", "fail"),
        ("/divide", "GET '/divide': the handler of an error failed", "divide"),
        ("/trailers", "the trailers of the answer to GET '/trailers' cannot be sent", "trailers"),
    ],
)
def test_the_line_of_the_log_names_the_handler(serve, caplog, path, start, handler):
    with serve(make_failing_application()).connect() as client, contextlib.suppress(EOFError):
        client.request(message("GET", path, "TE: trailers"))
    [record] = error_records(caplog)
    name = f"{__name__}.make_failing_application.<locals>.{handler}"
    pattern = rf"{re.escape(f'{start}; its handler is {name} ({__file__}:')}\d+\)"
    assert re.fullmatch(pattern, unnumbered(record.getMessage()))


def test_the_line_of_the_log_names_the_field(serve, caplog):
    server = serve(make_failing_application())
    assert server.request(message("GET", "/snow")).status == 500
    [record] = error_records(caplog)
    assert str(record.exc_info[1]) == "'\u2603' in the field 'X-Snow' is not latin-1"
