"""Mounted WSGI applications, over sockets: what PEP 3333 has them do, and what it has a server do."""

import contextlib
import logging
import resource
import threading
from wsgiref.validate import validator

import pytest
from werkzeug.wsgi import wrap_file

from kyoukai.core.errors import BadRequest
from kyoukai.web import Kyoukai

from ..serving import PATIENCE, chunks, error_records, message


class Body:
    """An iterable whose end is noted."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)
        self.closed = threading.Event()

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        self.closed.set()


def mounted(application, **options):
    app = Kyoukai("app")
    app.mount("/old", application, **options)

    @app.route("/")
    async def index(ctx):
        return "index"

    return app


def start(start_response, *headers, status="200 OK"):
    return start_response(status, [("Content-Type", "text/plain"), *headers])


def answer_with(body, *headers, status="200 OK"):
    def application(environ, start_response):
        start(start_response, *headers, status=status)
        return body

    return application


@pytest.mark.parametrize("by", ["length", "chunks"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
def test_an_application_by_the_book(serve, by, method):
    """The validator of the standard library checks what we do to an application."""

    def application(environ, start_response):
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(start_response, ("X-Place", f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}"))
        return Body([b"" if environ["REQUEST_METHOD"] == "HEAD" else b"got ", data])

    with serve(mounted(validator(application))).connect() as client:
        for target, place in [("/old", "/old "), ("/old/", "/old /"), ("/old/a?b=c", "/old /a")]:
            if method in ("GET", "HEAD"):
                client.send(message(method, target))
            elif by == "length":
                client.send(message(method, target, body=b"abc"))
            else:
                client.send(message(method, target, "Transfer-Encoding: chunked") + chunks(b"ab", b"c"))
            answer = client.receive(method)
            assert (answer.status, answer.fields["x-place"].strip()) == (200, place.strip())
            body = b"" if method == "HEAD" else b"got " if method == "GET" else b"got abc"
            assert answer.body == body


@pytest.mark.parametrize("status", ["200 OK", "299 Something of its own", "404 Not Found", "500 Broken"])
def test_status_and_fields_are_the_applications(serve, status, caplog):
    headers = [("Set-Cookie", "a=1"), ("X-Latin", "\xe9")]
    with serve(mounted(answer_with([b"body"], *headers, status=status))).connect() as client:
        answer = client.request(message("GET", "/old"))
        assert f"{answer.status} {answer.reason}" == status
        assert answer.fields["content-type"] == "text/plain"
        assert (answer.fields["set-cookie"], answer.fields["x-latin"]) == ("a=1", "\xe9")
        assert (answer.fields["content-length"], answer.body) == ("4", b"body")
    assert error_records(caplog) == []


@pytest.mark.parametrize("body", [[], [b""], (), (b"a", b"b"), [b"", b"ab", b""], [b"abc"]])
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_bodies(serve, body, kind):
    def application(environ, start_response):
        start(start_response)
        return kind(body)

    with serve(mounted(application)).connect() as client:
        answer = client.request(message("GET", "/old"))
        whole = b"".join(body)
        assert answer.body == whole
        # Of an iterator, it is known if nothing came.
        assert ("content-length" in answer.fields) is (kind is not iter or not whole)
        assert client.request(message()).body == b"index"


def test_a_body_is_sent_as_it_comes(serve):
    """Each piece reaches the client before the next is asked for."""
    go_on = threading.Semaphore(0)

    def pieces():
        for number in range(3):
            yield b"%d" % number
            assert go_on.acquire(timeout=PATIENCE)

    body = Body(pieces())
    with serve(mounted(answer_with(body))).connect() as client:
        client.send(message("GET", "/old"))
        head = client.receive_head()
        assert head.fields["transfer-encoding"] == "chunked"
        for number in range(3):
            assert client.receive_exactly(6) == b"1\r\n%d\r\n" % number
            go_on.release()
        assert client.receive_exactly(5) == b"0\r\n\r\n"
        assert body.closed.wait(PATIENCE)
        assert client.request(message()).body == b"index"


def test_write(serve):
    def application(environ, start_response):
        write = start(start_response)
        write(b"by write, ")
        write(b"")
        write(b"twice, ")
        return [b"and ", b"returned"]

    with serve(mounted(validator(application))).connect() as client:
        assert client.request(message("GET", "/old")).body == b"by write, twice, and returned"
        assert client.request(message()).body == b"index"


def test_a_head_may_be_replaced_before_it_is_sent(serve):
    def application(environ, start_response):
        start(start_response)
        try:
            raise ValueError
        except ValueError as exc:
            start_response("503 Busy", [("Content-Type", "text/html")], (type(exc), exc, exc.__traceback__))
        return [b"busy"]

    answer = serve(mounted(application)).request(message("GET", "/old"))
    assert (answer.status, answer.fields["content-type"], answer.body) == (503, "text/html", b"busy")


def late(environ, start_response):
    start(start_response)
    yield b"begun"
    try:
        raise ValueError("late")
    except ValueError as exc:
        start_response("500 Late", [], (type(exc), exc, exc.__traceback__))


def failing_later(environ, start_response):
    start(start_response)
    yield b"begun"
    raise ValueError("late")


@pytest.mark.parametrize("application", [late, failing_later])
def test_an_error_after_the_head_cuts_the_connection(serve, application, caplog):
    server = serve(mounted(application))
    with server.connect() as client:
        client.send(message("GET", "/old"))
        assert client.receive_head().status == 200
        assert client.receive_rest() == b"5\r\nbegun\r\n"
    server.wait_until_empty()
    (record,) = error_records(caplog)
    assert str(record.exc_info[1]) == "late"


def raising(environ, start_response):
    raise ValueError("secret")


def ending(environ, start_response):
    raise SystemExit("secret")


def stopping(environ, start_response):
    raise StopIteration("secret")


def not_started(environ, start_response):
    return [b"secret"]


def started_twice(environ, start_response):
    start(start_response)
    start(start_response)
    return [b"secret"]


def no_iterable(environ, start_response):
    start(start_response)
    return


def text(environ, start_response):
    start(start_response)
    return ["secret"]


def no_status(environ, start_response):
    start_response(200, [])
    return [b"secret"]


def no_headers(environ, start_response):
    start_response("200 OK", {"secret": "x"})
    return [b"secret"]


def bad_header(environ, start_response):
    start_response("200 OK", [("secret\r\n", "x\r\ny")])
    return [b"secret"]


@pytest.mark.parametrize(
    "application",
    [
        raising, ending, stopping, not_started, started_twice, no_iterable, text, no_status, no_headers,
        bad_header,
    ],
)  # fmt: skip
def test_an_error_before_the_head_is_a_500(serve, application, caplog):
    with serve(mounted(application)).connect() as client:
        answer = client.request(message("GET", "/old"))
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert client.request(message()).body == b"index"
    assert len(error_records(caplog)) == 1


def test_an_error_in_close_is_logged_and_the_answer_stands(serve, caplog):
    class Failing(Body):
        def close(self):
            self.closed.set()
            raise ValueError("in close")

    body = Failing([b"ab"])
    server = serve(mounted(answer_with(body, ("Content-Length", "2"))))
    with server.connect() as client:
        assert client.request(message("GET", "/old")).body == b"ab"
        assert body.closed.wait(PATIENCE)
        assert client.request(message()).body == b"index"
    server.wait_until(lambda: error_records(caplog))
    assert len(error_records(caplog)) == 1


def test_close_is_called_where_the_client_is_gone(serve, caplog):
    body = Body(iter(lambda: bytes(65536), None))
    server = serve(mounted(answer_with(body), threads=1))
    with server.connect() as client:
        client.send(message("GET", "/old"))
        client.receive_head()
        client.reset()
    assert body.closed.wait(PATIENCE)
    server.wait_until_empty()
    assert error_records(caplog) == []


def test_an_application_is_no_faster_than_its_client(serve):
    """What waits for the client is bounded, and the thread waits with it."""
    given = []
    total = 64

    def pieces():
        for number in range(total):
            given.append(number)
            yield bytes(1024 * 1024)

    body = Body(pieces())
    server = serve(mounted(answer_with(body)))
    with server.connect(receive_buffer=65536) as client:
        client.send(message("GET", "/old"))
        client.receive_head()
        server.wait_until(lambda: server.connection.is_paused)
        assert len(given) < total / 2
        assert len(client.receive_chunks()) == total * 1024 * 1024
    assert body.closed.wait(PATIENCE)


def test_close_is_called_for_head_with_an_unread_body(serve):
    body = Body([bytes(1024 * 1024)] * 8)
    with serve(mounted(answer_with(body))).connect() as client:
        answer = client.request(message("HEAD", "/old"), "HEAD")
        assert answer.status == 200
        assert body.closed.wait(PATIENCE)
        assert client.request(message()).body == b"index"


def test_thread_limit(serve):
    """A third request waits until one of two is answered."""
    go_on = threading.Event()
    both = threading.Barrier(2)
    running = []

    def application(environ, start_response):
        running.append(threading.current_thread().name)
        most = len(running)
        if environ["PATH_INFO"] == "/both":
            both.wait(PATIENCE)
            go_on.wait(PATIENCE)
        running.remove(threading.current_thread().name)
        start(start_response)
        return [b"%d" % most]

    server = serve(mounted(application, threads=2))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        for client in clients[:2]:
            client.send(message("GET", "/old/both"))
        server.wait_until(lambda: len(running) == 2)
        clients[2].send(message("GET", "/old/third"))
        server.wait_until(lambda: len(server.server.connections) == 3)
        # The loop is not kept by them.
        assert server.request(message()).body == b"index"
        assert len(running) == 2
        go_on.set()
        assert all(int(client.receive().body) <= 2 for client in clients)


def test_a_file_is_sent_by_the_system(serve, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 8192)
    files = []

    def application(environ, start_response):
        files.append(path.open("rb"))
        start(start_response, ("Content-Length", str(path.stat().st_size)))
        return wrap_file(environ, files[-1])

    server = serve(mounted(application))
    with server.connect() as client:
        assert client.request(message("GET", "/old")).body == path.read_bytes()
        assert client.request(message("HEAD", "/old"), "HEAD").fields["content-length"] == "2097152"
    server.wait_until(lambda: len(files) == 2 and all(file.closed for file in files))


def test_cancelled_before_its_turn(serve, caplog):
    """Who leaves while all threads are taken is never answered."""
    go_on = threading.Event()
    begun = threading.Event()
    seen = []

    def application(environ, start_response):
        seen.append(environ["PATH_INFO"])
        begun.set()
        go_on.wait(PATIENCE)
        start(start_response)
        return [b"done"]

    server = serve(mounted(application, threads=1), cancel_on_disconnect=True)
    with server.connect() as first:
        first.send(message("GET", "/old/first"))
        assert begun.wait(PATIENCE)
        with server.connect() as second:
            second.send(message("GET", "/old/second"))
            server.wait_until(lambda: len(server.server.connections) == 2)
        server.wait_until(lambda: len(server.server.connections) == 1)
        go_on.set()
        assert first.receive().body == b"done"
        assert first.request(message("GET", "/old/third")).body == b"done"
    assert "/second" not in seen
    assert [r for r in error_records(caplog) if r.levelno > logging.ERROR] == []


def measure(environ, start_response):
    """Answer with how long the body is, and what was said of that."""
    source, size = environ["wsgi.input"], 0
    assert environ["wsgi.input_terminated"]
    while data := source.read(65536):
        size += len(data)
    start(start_response)
    return [f"{size} {environ.get('CONTENT_LENGTH')}".encode()]


def test_an_upload_is_read_as_it_comes(serve):
    size = 64 * 1024 * 1024
    server = serve(mounted(measure, stream=True, max_body_size=size))
    with server.connect() as client:
        assert client.request(message("POST", "/old", body=b"hello")).body == b"5 5"
        assert client.request(message("POST", "/old/a")).body == b"0 None"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.send(message("PUT", "/old/a", f"Content-Length: {size}", "Expect: 100-continue"))
        assert client.receive().status == 100
        for _ in range(64):
            client.send(bytes(1024 * 1024))
        assert client.receive().body == f"{size} {size}".encode()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
        client.send(message("POST", "/old", "Transfer-Encoding: chunked") + chunks(b"abc", b"de"))
        assert client.receive().body == b"5 None"
        assert client.request(message("PUT", "/old", f"Content-Length: {size + 1}")).status == 413


def test_upload_read_by_lines_and_unread_upload(serve):
    def lines(environ, start_response):
        start(start_response)
        if environ["PATH_INFO"] == "/not":
            return [b"no"]
        return [b"+".join(environ["wsgi.input"])]

    with serve(mounted(lines, stream=True)).connect() as client:
        assert client.request(message("POST", "/old", body=b"a\nb\nc")).body == b"a\n+b\n+c"
        client.send(message("POST", "/old/not", "Content-Length: 100000") + bytes(50_000))
        assert client.receive().body == b"no"


def test_an_upload_that_does_not_come_whole(serve, caplog):
    begun, raised = [], []

    def application(environ, start_response):
        begun.append(environ)
        try:
            environ["wsgi.input"].read()
        except Exception as error:
            raised.append(error)
            raise
        raise AssertionError

    server = serve(mounted(application, stream=True))
    for number, end in enumerate(("end", "reset"), 1):
        with server.connect() as client:
            client.send(message("POST", "/old", "Content-Length: 10") + b"0123")
            server.wait_until(lambda number=number: len(begun) == number)
            getattr(client, end)()
            if end == "end":
                assert client.receive().status == 400
            server.wait_until_empty()
    server.wait_until(lambda: len(raised) == 2)
    assert isinstance(raised[0], BadRequest)
    assert isinstance(raised[1], ConnectionResetError)
    server.stop()
    assert error_records(caplog) == []
