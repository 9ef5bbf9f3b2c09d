"""Deadlines, with limits small enough to wait for."""

import asyncio
import contextlib
import threading

import pytest
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from kyoukai.core.http1.states import ARRIVING, BODY

from ..serving import PATIENCE, Answering, echo, error_records, message


def test_a_slow_head(serve):
    with serve(echo, limits={"head_timeout": 0.1}).connect() as client:
        answer = client.request(b"GET / HTTP/1.1\r\nHost")
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert client.receive_rest() == b""


def test_a_byte_now_and_then_does_not_help_a_head(serve):
    server = serve(echo, limits={"head_timeout": 0.2})
    with server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        server.wait_until(lambda: server.server.connections and server.connection.state is ARRIVING)
        connection = server.connection
        sent = 0
        while connection.state is ARRIVING:
            client.send(b"x")
            sent += 1
            server.let_pass(0.05)
        assert sent < 100
        assert client.receive().status == 408


def test_a_stalled_body(serve):
    with serve(echo, limits={"body_timeout": 0.1}).connect() as client:
        answer = client.request(message("POST", "/", "Content-Length: 5") + b"12")
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert client.receive_rest() == b""


@pytest.mark.every_wire
def test_a_body_that_makes_progress_may_take_longer(serve):
    server = serve(echo, limits={"body_timeout": 1.0, "min_body_rate": 0})
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 3"))
        for byte in b"123":
            server.let_pass(0.4)
            client.send(bytes([byte]))
        assert client.receive().body == b"POST / 123"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_comes_too_slowly_all_in_all(serve, chunked):
    server = serve(echo, limits={"body_timeout": 0.3, "min_body_rate": 1000})
    with server.connect() as client:
        framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1000"
        client.send(message("POST", "/", framing))
        server.wait_until(lambda: server.server.connections and server.connection.state is BODY)
        connection = server.connection
        sent = 0
        while connection.state is BODY:
            client.send(b"1\r\nx\r\n" if chunked else b"x")
            sent += 1
            server.let_pass(0.05)
        assert sent < 100
        assert client.receive().status == 408


def test_a_body_at_the_least_rate_may_take_its_time(serve):
    server = serve(echo, limits={"body_timeout": 0.3, "min_body_rate": 100})
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 1500"))
        for _ in range(15):
            client.send(b"x" * 100)
            server.let_pass(0.05)
        assert client.receive().status == 200


def test_a_body_whose_continue_waits_for_an_earlier_answer_is_not_late(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        if request.path == "/first":
            await go_on.wait()
        return Response(request.get_data())

    server = serve(app, limits={"body_timeout": 0.05})
    with server.connect() as client:
        client.send(message("GET", "/first"))
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 3"))
        server.let_pass(0.2)
        server.call(go_on.set)
        assert client.receive().status == 200
        assert client.receive_head().status == 100
        client.send(b"abc")
        assert client.receive().body == b"abc"


@pytest.mark.every_wire
def test_an_idle_connection_is_closed_without_an_answer(serve):
    with serve(echo, limits={"keep_alive_timeout": 0.5}).connect() as client:
        assert client.request(message()).status == 200
        assert client.receive_rest() == b""


@pytest.mark.every_wire
def test_a_connection_that_never_sent_a_byte_is_closed_without_an_answer(serve):
    with serve(echo, limits={"keep_alive_timeout": 0.1}).connect() as client:
        assert client.receive_rest() == b""


def test_empty_lines_do_not_keep_a_connection_open(serve):
    server = serve(echo, limits={"keep_alive_timeout": 0.5})
    with server.connect() as client:
        client.request(message())
        sent = 0
        while server.server.connections:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.send(b"\r\n")
            sent += 1
            server.let_pass(0.05)
        assert sent < 100


@pytest.mark.every_wire
def test_no_timeout_while_a_handler_runs(serve):
    @Answering
    async def app(request):
        await asyncio.to_thread(server.let_pass, 0.8)
        return Response("slow")

    names = ("head_timeout", "keep_alive_timeout", "body_timeout", "write_timeout", "linger_timeout")
    server = serve(app, limits=dict.fromkeys(names, 0.4))
    with server.connect() as client:
        client.send(message("POST", body=b"x") + message())
        assert [client.receive().body for _ in range(2)] == [b"slow", b"slow"]


def test_no_timeout_for_a_head_that_is_not_read_yet(serve):
    """The queue is full, and reading paused: the rest of the head waits through no fault of the client's."""
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response("x")

    server = serve(app, limits={"head_timeout": 0.05, "max_pipelined": 2})
    with server.connect() as client:
        client.send(message() * 2 + b"GET / HTTP/1.1\r\n")
        server.wait_until(lambda: server.server.connections and len(server.connection.queue.waiting) == 2)
        client.send(b"Host: localhost\r\n\r\n")
        server.let_pass(0.3)
        server.call(go_on.set)
        assert [client.receive().status for _ in range(3)] == [200, 200, 200]


def test_a_slow_head_behind_a_running_handler_is_refused_in_its_turn(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response("x")

    server = serve(app, limits={"head_timeout": 0.05})
    with server.connect() as client:
        client.send(message() + b"GET / HTTP/1.1\r\n")
        server.let_pass(0.3)
        server.call(go_on.set)
        assert [client.receive().status for _ in range(2)] == [200, 408]
        assert client.receive_rest() == b""


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.every_wire
def test_a_client_that_does_not_read_is_cut_off(serve, kind, caplog):
    closed = threading.Event()

    def pieces():
        try:
            while True:
                yield bytes(65536)
        finally:
            closed.set()

    async def async_pieces():
        try:
            while True:
                yield bytes(65536)
        finally:
            closed.set()

    @Answering
    async def app(request):
        return Response(pieces() if kind == "sync" else async_pieces())

    server = serve(app, limits={"write_timeout": 0.1})
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        client.receive_head()
        server.wait_until_empty()
        assert closed.wait(PATIENCE)
    assert error_records(caplog) == []


@pytest.mark.parametrize("fields", [(), ("Connection: close",)])
@pytest.mark.every_wire
def test_unread_answer_in_memory_is_cut_off(serve, fields):
    @Answering
    async def app(request):
        return Response(bytes(32 * 1024 * 1024))

    server = serve(app, limits={"write_timeout": 0.1})
    with server.connect(receive_buffer=65536) as client:
        client.send(message("GET", "/", *fields))
        client.receive_head()
        server.wait_until_empty()


@pytest.mark.every_wire
def test_unread_file_is_cut_off(serve, tmp_path, caplog):
    opened = []
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)

    @Answering
    async def app(request):
        opened.append(path.open("rb"))
        response = Response(wrap_file(request.environ, opened[-1]), direct_passthrough=True)
        response.content_length = 64 * 1024 * 1024
        return response

    server = serve(app, limits={"write_timeout": 0.1})
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        client.receive_head()
        server.wait_until_empty()
        server.wait_until(lambda: opened[0].closed)
    assert error_records(caplog) == []


@pytest.mark.parametrize("fields", [(), ("Connection: close",)], ids=["persistent", "close"])
def test_a_client_that_reads_slowly_gets_all_of_an_answer_in_memory(serve, fields):
    size, step = 32 * 1024 * 1024, 2 * 1024 * 1024

    @Answering
    async def app(request):
        return Response(bytes(size))

    # All of it takes longer than either; one step takes much less, on a machine that is busy too.
    server = serve(app, limits={"write_timeout": 1.5, "keep_alive_timeout": 0.2})
    with server.connect(receive_buffer=65536) as client:
        client.send(message("GET", "/", *fields))
        client.receive_head()
        for _ in range(size // step):
            server.let_pass(0.15)
            client.receive_exactly(step)


def test_a_client_that_waits_for_continue_and_sends_nothing(serve):
    with serve(echo, limits={"body_timeout": 0.1}).connect() as client:
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 5"))
        assert client.receive_head().status == 100
        assert client.receive().status == 408
        assert client.receive_rest() == b""
