"""Applications of WSGI, hosted: what PEP 3333 has a server do, over sockets and on every wire."""

import contextlib
import functools
import threading
from wsgiref.validate import validator

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import wrap_file

from kyoukai.core.errors import BadRequest, ConfigurationError
from kyoukai.core.serving.threads import max_threads
from kyoukai.wsgi import WSGIApplication

from ..serving import PATIENCE, chunks, error_records, message
from ..wire.test_wsgi import (
    Body,
    answer_with,
    bad_header,
    ending,
    failing_later,
    late,
    not_started,
    raising,
    start,
)

pytestmark = pytest.mark.every_wire


class Counting(Body):
    """An iterable that counts how often it is closed."""

    def __init__(self, pieces):
        super().__init__(pieces)
        self.closings = 0

    def close(self):
        self.closings += 1
        super().close()


def index_beside(application):
    """Return an application that answers at "/", and leaves the rest to another."""

    def both(environ, start_response):
        if environ["PATH_INFO"] == "/":
            start(start_response)
            return [b"index"]
        return application(environ, start_response)

    return both


def told(environ, start_response):
    """Answer with the variables of the environ that the query names, a line each."""
    start(start_response)
    names = environ["QUERY_STRING"].split("&")
    return ["\n".join(repr(environ.get(name)) for name in names).encode()]


def ask(client, *names, target="/", fields=()):
    """Return these variables of an environ."""
    answer = client.request(message("GET", f"{target}?{'&'.join(names)}", *fields))
    return answer.body.decode().split("\n")


def test_an_application_by_the_book(serve):
    """The validator of the standard library checks what we do to an application."""

    def application(environ, start_response):
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        write = start(start_response, ("X-Place", environ["PATH_INFO"]))
        if environ["REQUEST_METHOD"] != "HEAD":
            write(b"got ")
        return Body([data])

    with serve(WSGIApplication(validator(application))).connect() as client:
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"):
            body = b"abc" if method in ("POST", "PUT") else None
            answer = client.request(message(method, "/a%20b/?c=d", body=body), method)
            assert (answer.status, answer.fields["x-place"]) == (200, "/a b/")
            assert answer.body == (b"" if method == "HEAD" else b"got " + (body or b""))
        # RFC 9112 section 3.2.4 has no path; the validator wants one that begins with a slash, or none.
        assert client.request(message("OPTIONS", "*")).fields["x-place"] == ""


def test_a_body_is_read_as_it_comes_and_sent_as_it_is_made(serve):
    def application(environ, start_response):
        start(start_response)
        while piece := environ["wsgi.input"].read1():
            yield piece.upper()

    with serve(application).connect() as client:
        client.send(message("POST", "/", "Transfer-Encoding: chunked"))
        for piece in (b"one", b"two"):
            client.send(chunks(piece)[:-5])
            if piece == b"one":
                assert client.receive_head().fields["transfer-encoding"] == "chunked"
            assert client.receive_exactly(8) == b"3\r\n%b\r\n" % piece.upper()
        client.send(b"0\r\n\r\n")
        assert client.receive_exactly(5) == b"0\r\n\r\n"


@pytest.mark.http1
def test_an_upload_is_held_while_nobody_reads_it(serve, backend, loop_factory):
    size = 16 * 1024 * 1024
    go_on = threading.Event()

    def application(environ, start_response):
        assert go_on.wait(PATIENCE)
        start(start_response)
        pieces = iter(lambda: environ["wsgi.input"].read(65536), b"")
        return [b"%d" % sum(map(len, pieces))]

    server = serve(application, limits={"max_body_size": size})
    with server.connect() as client:
        sender = threading.Thread(target=client.send, args=[message("POST", "/", body=bytes(size))])
        sender.start()
        server.wait_until(lambda: server.server.connections and not server.connection.transport.is_reading())
        assert sender.is_alive()
        go_on.set()
        assert client.receive().body == b"%d" % size
        sender.join()


def test_server_and_client_in_the_environ(serve):
    server = serve(told)
    with server.connect() as client:
        names = ("REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "wsgi.url_scheme", "SCRIPT_NAME")
        assert ask(client, *names) == [
            "'127.0.0.1'", "'127.0.0.1'", f"'{server.port}'", "'localhost'", "'http'", "''"
        ]  # fmt: skip
        assert ask(client, "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once") == [
            "True", "False", "False"
        ]  # fmt: skip
        # The connection is the event loop's.
        assert ask(client, "kyoukai.protocol", "kyoukai.body") == ["None", "None"]
        # Which methods there are, it says itself.
        assert client.request(message("PURGE", "/?REQUEST_METHOD")).body == b"'PURGE'"
    with serve(WSGIApplication(told, threads=1)).connect() as client:
        assert ask(client, "wsgi.multithread") == ["False"]


@pytest.mark.http1
def test_a_client_of_a_unix_socket_has_an_address_that_is_empty(
    serve, backend, loop_factory, tmp_path, monkeypatch
):
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    with serve(told, port=None, uds="http.sock").connect() as client:
        names = ("REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT")
        assert ask(client, *names) == ["''", "'localhost'", "'80'"]


def test_forwarded_fields_of_a_trusted_proxy(serve):
    settings = {"trusted_proxies": "127.0.0.1", "forwarded": "x-forwarded", "forwarded_prefix": True}
    fields = ("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /shop")
    names = ("REMOTE_ADDR", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO")
    with serve(told, root_path="/root", **settings).connect() as client:
        assert ask(client, *names, target="/a", fields=fields) == [
            "'192.0.2.7'", "'https'", "'/shop'", "'/a'"
        ]  # fmt: skip
        assert ask(client, *names, target="/a") == ["'127.0.0.1'", "'http'", "'/root'", "'/a'"]
    with serve(told).connect() as client:
        assert ask(client, *names, target="/a", fields=fields)[:3] == ["'127.0.0.1'", "'http'", "''"]


@pytest.mark.parametrize("root", ["/\u00fc", "/\u65e5\u672c"])
def test_a_root_path_is_the_bytes_that_pep_3333_says(serve, root):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [environ["SCRIPT_NAME"].encode("latin-1")]

    with serve(application, root_path=root).connect() as client:
        assert client.request(message()).body.decode() == root


async def coroutine_function(environ, start_response):
    """Is none of WSGI."""


class Awaited:
    """Is none of WSGI either."""

    async def __call__(self, environ, start_response):
        """Answer nothing."""


@pytest.mark.http1
@pytest.mark.parametrize(
    ("application", "settings", "fault"),
    [
        (coroutine_function, {}, "is a coroutine function"),
        (Awaited(), {}, "is a coroutine function"),
        (functools.partial(coroutine_function), {}, "is a coroutine function"),
        (5, {}, "must be a function"),
        (ending, {"root_path": "shop/"}, "root_path is 'shop/'; it must be empty, or begin with a slash"),
        (ending, {"root_path": None}, "root_path is None"),
    ],
)
def test_what_cannot_be_hosted_is_refused(application, settings, fault):
    with pytest.raises(ConfigurationError, match=fault):
        WSGIApplication(application, **settings)


@pytest.mark.parametrize("application", [raising, ending, not_started, bad_header])
def test_an_error_before_the_head_is_a_500(serve, application, caplog):
    with serve(index_beside(application)).connect() as client:
        answer = client.request(message("GET", "/fails"))
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert client.request(message()).body == b"index"
    assert len(error_records(caplog)) == 1


def test_uncaught_http_exception_is_an_ordinary_error(serve, caplog):
    def application(environ, start_response):
        raise NotFound

    assert serve(application).request(message()).status == 500
    (record,) = error_records(caplog)
    assert isinstance(record.exc_info[1].__cause__, NotFound)


@pytest.mark.parametrize("application", [late, failing_later])
def test_an_error_after_the_head_breaks_the_answer_off(serve, application, caplog):
    server = serve(application)
    with server.connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        assert client.receive_rest() == b"5\r\nbegun\r\n"
    server.wait_until_empty()
    (record,) = error_records(caplog)
    assert str(record.exc_info[1]) == "late"


@pytest.mark.parametrize("leaves", ["before its answer", "while it is sent"])
def test_close_is_called_once_where_the_client_leaves(serve, leaves, caplog):
    begun, go_on = threading.Event(), threading.Event()
    body = Counting(iter(lambda: bytes(65536), None))

    def application(environ, start_response):
        if leaves == "before its answer":
            begun.set()
            assert go_on.wait(PATIENCE)
        start(start_response)
        return body

    server = serve(application)
    with server.connect() as client:
        client.send(message())
        if leaves == "before its answer":
            assert begun.wait(PATIENCE)
        else:
            client.receive_head()
        client.reset()
    server.wait_until_empty()
    go_on.set()
    assert body.closed.wait(PATIENCE)
    server.stop()
    assert body.closings == 1
    assert error_records(caplog) == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once_where_it_stays(serve, method):
    body = Counting([bytes(1024 * 1024)] * 4)
    with serve(index_beside(answer_with(body))).connect() as client:
        assert len(client.request(message(method, "/a"), method).body) == (4 << 20 if method == "GET" else 0)
        assert body.closed.wait(PATIENCE)
        assert client.request(message()).body == b"index"
    assert body.closings == 1


def test_an_application_is_no_faster_than_its_client(serve):
    given = []
    total = 64

    def pieces():
        for number in range(total):
            given.append(number)
            yield bytes(1024 * 1024)

    body = Body(pieces())
    server = serve(answer_with(body))
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        client.receive_head()
        server.wait_until(lambda: len(given) > 1)
        assert len(given) < total / 2
        assert len(client.receive_chunks()) == total * 1024 * 1024
    assert body.closed.wait(PATIENCE)


def test_a_file_is_sent_and_closed(serve, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 4096)
    files = []

    def application(environ, start_response):
        files.append(path.open("rb"))
        start(start_response, ("Content-Length", str(path.stat().st_size)))
        return wrap_file(environ, files[-1])

    server = serve(application)
    with server.connect() as client:
        assert client.request(message()).body == path.read_bytes()
        assert client.request(message("HEAD"), "HEAD").fields["content-length"] == "1048576"
    with server.connect(receive_buffer=4096) as client:
        client.send(message())
        client.receive_head()
        client.reset()
    server.wait_until(lambda: len(files) == 3 and all(file.closed for file in files))


class Gate:
    """An application that lets nobody through until it is told to."""

    def __init__(self):
        self.seen = []
        self.go_on = threading.Event()

    def __call__(self, environ, start_response):
        self.seen.append(environ["PATH_INFO"])
        assert self.go_on.wait(PATIENCE)
        start(start_response)
        return [environ["PATH_INFO"].encode()]


def test_threads_limit_running_requests_and_the_queue(serve, caplog):
    gate = Gate()
    app = WSGIApplication(gate, threads=2, max_waiting=1)
    server = serve(app)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(3)]
        for number, client in enumerate(clients):
            client.send(message("GET", f"/{number}"))
        server.wait_until(lambda: len(app._workers.jobs) == 3 and len(gate.seen) == 2)
        for _ in range(2):
            answer = server.request(message("GET", "/beyond"))
            assert (answer.status, answer.fields["retry-after"]) == (503, "1")
        gate.go_on.set()
        assert [client.receive().body for client in clients] == [b"/0", b"/1", b"/2"]
        assert clients[0].request(message("GET", "/again")).body == b"/again"
    assert "/beyond" not in gate.seen
    warnings = [record.getMessage() for record in caplog.records if record.name == "kyoukai.wsgi"]
    assert warnings == [
        f"{__name__}.Gate: all of 2 threads are taken, and 1 requests wait; further ones are answered with "
        "503"
    ]


def test_client_that_leaves_before_its_thread_calls_nothing(serve, caplog):
    gate = Gate()
    app = WSGIApplication(gate, threads=1)
    server = serve(app)
    with server.connect() as first:
        first.send(message("GET", "/first"))
        server.wait_until(lambda: gate.seen == ["/first"])
        with server.connect() as second:
            second.send(message("GET", "/second"))
            server.wait_until(lambda: len(app._workers.jobs) == 2)
            second.reset()
        server.wait_until(lambda: len(server.server.connections) == 1)
        gate.go_on.set()
        assert first.receive().body == b"/first"
        assert first.request(message("GET", "/third")).body == b"/third"
    assert gate.seen == ["/first", "/third"]
    assert error_records(caplog) == []


def test_a_stop_waits_for_a_thread_and_names_it(serve, caplog):
    gate = Gate()
    server = serve(gate, limits={"shutdown_timeout": 0.05})
    with server.connect() as client:
        client.send(message("GET", "/slow"))
        server.wait_until(lambda: gate.seen)
        server.begin_stop()
        server.wait_until(lambda: "waiting for calls in threads" in caplog.text)
        assert f"{__name__}.Gate in wsgi {__name__}.Gate_0 at " in caplog.text
        gate.go_on.set()
        server.stop()


def test_a_body_that_does_not_come_whole(serve, caplog):
    begun, raised = [], []

    def application(environ, start_response):
        begun.append(environ)
        try:
            environ["wsgi.input"].read()
        except Exception as error:
            raised.append(error)
            raise
        raise AssertionError

    server = serve(application)
    for number, end in enumerate(("end", "reset"), 1):
        with server.connect() as client:
            client.send(message("POST", "/", "Content-Length: 10") + b"0123")
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


def test_limits_of_bodies_hold(serve):
    def application(environ, start_response):
        data = environ["wsgi.input"].read()
        start(start_response)
        return [b"%d" % len(data)]

    server = serve(application, limits={"max_body_size": 1000, "body_timeout": 0.1, "linger_timeout": 0.1})
    assert server.request(message("POST", "/", body=bytes(1000))).body == b"1000"
    assert server.request(message("POST", "/", body=bytes(1001))).status == 413
    with server.connect() as client:
        client.send(message("POST", "/", "Transfer-Encoding: chunked") + chunks(bytes(600))[:-5])
        client.send(chunks(bytes(600)))
        assert client.receive().status == 413
    with server.connect() as client:
        client.send(message("POST", "/", "Content-Length: 10") + b"0123")
        assert client.receive().status == 408


@pytest.mark.http1
def test_how_many_threads_there_are():
    assert WSGIApplication(told, threads=3).threads == 3
    token = max_threads.set(7)
    try:
        assert WSGIApplication(told).threads == 7
        assert WSGIApplication(told, threads=3).threads == 3
    finally:
        max_threads.reset(token)
    assert 5 <= WSGIApplication(told).threads <= 32
