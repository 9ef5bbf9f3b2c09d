"""The environ that the application's request is made of (PEP 3333)."""

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.http1.exchange import HTTP1Exchange

from ..serving import Answering, chunks, message

pytestmark = pytest.mark.every_wire


@pytest.fixture
def environ_of(serve):
    """Return a function from a request's bytes to the environ that the application gets."""
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response("")

    server = serve(app)

    def send(data):
        assert server.request(data).status == 200
        return environs.pop()

    send.server = server
    return send


@pytest.mark.http1
def test_request_line(environ_of):
    environ = environ_of(message("DELETE", "/a%20b/%C3%A9?q=%20&r"))
    assert environ["REQUEST_METHOD"] == "DELETE"
    assert environ["PATH_INFO"] == "/a b/\xc3\xa9"
    assert environ["QUERY_STRING"] == "q=%20&r"
    assert environ["RAW_URI"] == environ["REQUEST_URI"] == "/a%20b/%C3%A9?q=%20&r"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SCRIPT_NAME"] == ""


def test_an_encoded_slash_and_percent_are_decoded_once(environ_of):
    assert environ_of(message("GET", "/a%2Fb%2525"))["PATH_INFO"] == "/a/b%25"


@pytest.mark.http1
def test_the_connection(serve):
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response("")

    server = serve(app)
    with server.connect() as client:
        client.request(message())
        environ = environs.pop()
        address, port = client.socket.getsockname()
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (address, str(port))
        assert environ["kyoukai.protocol"] is server.connection
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(server.port))
    assert environ["SERVER_SOFTWARE"] == "kyoukai"


def test_wsgi_variables(environ_of):
    environ = environ_of(message("POST", body=b"body"))
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.input_terminated"] is True
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is False
    assert environ["wsgi.run_once"] is False
    assert callable(environ["wsgi.errors"].write)
    assert environ["wsgi.input"].read() == b"body"


def test_fields(environ_of):
    environ = environ_of(message("POST", "/", "X-Name:  value \t", "Content-Type: text/plain", body=b"12"))
    assert environ["HTTP_HOST"] == "localhost"
    assert environ["HTTP_X_NAME"] == "value"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "2"
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & environ.keys()


def test_a_chunked_body_has_no_content_length(environ_of):
    environ = environ_of(message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"a", b"b"))
    assert "CONTENT_LENGTH" not in environ
    assert environ["wsgi.input"].read() == b"ab"


def test_values_are_latin_1(environ_of):
    assert environ_of(message("GET", "/", "X-Name: \xe9\xff"))["HTTP_X_NAME"] == "\xe9\xff"


def test_fields_of_one_name_are_joined(environ_of):
    environ = environ_of(message("GET", "/", "X-A: 1", "Cookie: a=1", "x-a: 2", "Cookie: b=2"))
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_an_empty_value(environ_of):
    assert environ_of(message("GET", "/", "X-Empty:"))["HTTP_X_EMPTY"] == ""


def test_names_with_an_underscore_are_dropped(environ_of):
    environ = environ_of(
        message("GET", "/", "X_Forwarded_For: evil", "X-Forwarded_For: evil", "Content_Length: 9")
    )
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert "CONTENT_LENGTH" not in environ
    assert "" not in environ


@pytest.mark.http1
def test_trailers_stay_apart(environ_of):
    environ = environ_of(
        message("POST", "/", "Transfer-Encoding: chunked", "X-A: head")
        + b"1\r\nx\r\n0\r\nX-A: tail\r\nX-Sum: 12\r\n\r\n"
    )
    assert environ["kyoukai.trailers"] == [(b"X-A", b"tail"), (b"X-Sum", b"12")]
    assert environ["HTTP_X_A"] == "head"
    assert "HTTP_X_SUM" not in environ


def test_without_trailers_there_is_no_such_variable(environ_of):
    environ = environ_of(message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"x"))
    assert "kyoukai.trailers" not in environ


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        ("http://example.org:81/a%20b?c", "/a b", "c", "example.org:81"),
        ("http://example.org", "/", "", "example.org"),
        ("http://example.org?c=d", "/", "c=d", "example.org"),
        ("HTTPS://EXAMPLE.org/", "/", "", "EXAMPLE.org"),
    ],
)
@pytest.mark.http1
def test_the_absolute_form_wins_over_host(environ_of, target, path, query, host):
    environ = environ_of(message("GET", target))
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_HOST"]) == (path, query, host)
    assert environ["RAW_URI"] == target


@pytest.mark.parametrize("target", ["*", "http://example.org"])
@pytest.mark.http1
def test_options_of_the_whole_server(environ_of, target):
    environ = environ_of(message("OPTIONS", target))
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["RAW_URI"]) == ("", "", target)


def test_environs_of_requests_share_nothing(serve):
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        if request.method == "POST":
            request.environ["mark"] = True
        return Response("")

    with serve(app).connect() as client:
        client.request(message("POST", "/?q", "X-A: 1", "Upgrade: h2c", body=b"body"))
        client.request(message("GET", "/"))
    second = environs[1]
    assert not {"mark", "HTTP_X_A", "CONTENT_LENGTH", "HTTP_UPGRADE"} & second.keys()
    assert (second["QUERY_STRING"], second["wsgi.input"].read()) == ("", b"")


@pytest.mark.http1
def test_a_request_that_names_its_client_by_itself(serve, monkeypatch):
    class Naming(HTTP1Exchange):
        @property
        def environ(self):
            client = self.head.query
            return super().environ | ({"REMOTE_ADDR": client} if client else {})

    remotes = []

    @Answering
    async def app(request):
        remotes.append(request.remote_addr)
        return Response("")

    server = serve(app)
    with server.connect() as client:
        client.request(message())
        monkeypatch.setattr(type(server.connection), "exchange_class", Naming)
    remotes.clear()
    with server.connect() as client:
        for query in ("?192.0.2.1", "", "?192.0.2.2"):
            client.request(message("POST", f"/{query}", body=b"body"))
    assert remotes == ["192.0.2.1", "127.0.0.1", "192.0.2.2"]
