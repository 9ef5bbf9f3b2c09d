"""What is nginx's own."""

import pytest

from kyoukai import Kyoukai

from ..serving import chunks, error_records, message
from .odd import every_fault
from .proxies import KEPT, UNBUFFERED, nginx

HTTP_1_0 = ["proxy_http_version 1.0;"]
CLIENTS_HOST = "proxy_set_header Host $http_host;"

OPTIONS = {
    "HTTP/1.1": [*KEPT],
    "HTTP/1.1, unbuffered": [*KEPT, *UNBUFFERED],
    "HTTP/1.1, the client's Host": [*KEPT, CLIENTS_HOST],
    "HTTP/1.0": HTTP_1_0,
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_nothing_is_smuggled(front, options, caplog):
    assert every_fault(front(nginx, options=options), caplog) == []


def test_a_connection_for_each_request_of_http_1_0(front):
    proxy, server, app = front(nginx, options=HTTP_1_0)
    with proxy.connect() as client:
        for number in range(100):
            assert client.request(message("GET", f"/{number}")).body == b"[[GET /%d ]]" % number
    server.wait_until_empty()
    assert app.connections == 100
    assert app.environ["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_a_kept_connection_of_http_1_0(front):
    proxy, _, app = front(nginx, options=[*HTTP_1_0, "proxy_set_header Connection keep-alive;"])
    with proxy.connect() as client:
        for number in range(100):
            assert client.request(message("GET", f"/{number}")).body == b"[[GET /%d ]]" % number
        assert client.request(message("HEAD", "/mebibyte"), "HEAD").status == 200
        assert client.request(message("GET", "/status?304")).status == 304
        assert client.request(message("GET", "/chunked")).body == b"[[GET /chunked ]]"
    # Only the end of the connection ends an answer of unknown size.
    assert app.connections == 1
    assert proxy.request(message()).status == 200
    assert app.connections == 2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_chunked_body_is_held_and_sized(front, version):
    proxy, _, app = front(nginx, options=[f"proxy_http_version {version};"])
    proxy.request(message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"12", b"345"))
    assert app.bodies == [b"12345"]
    assert app.environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in app.environ


def test_proxy_withholds_expect(front):
    proxy, _, app = front(nginx, options=[*KEPT, *UNBUFFERED])
    with proxy.connect() as client:
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 5"))
        assert client.receive().status == 100
        client.request(b"12345")
    assert "HTTP_EXPECT" not in app.environ


def test_no_host_to_pass_on(front):
    proxy, _, app = front(nginx, options=[*KEPT, CLIENTS_HOST])
    assert proxy.request(b"GET / HTTP/1.0\r\n\r\n").status == 400
    assert app.seen == []


@pytest.mark.parametrize("host", ["example.org", "localhost"])
def test_an_absolute_target(front, host):
    proxy, _, app = front(nginx, options=[*KEPT, "proxy_set_header Host $host;"])
    data = f"GET http://example.org/path?query HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert proxy.request(data).body == b"[[GET /path?query ]]"
    assert app.requests[0].host == "example.org"


def test_field_added_by_the_proxy(front):
    add = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    proxy, _, app = front(nginx, options=[*KEPT, add])
    proxy.request(message("GET", "/", "X-Forwarded-For: 192.0.2.1"))
    assert app.environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1, 127.0.0.1"


@pytest.mark.parametrize(
    "options",
    [HTTP_1_0, [*KEPT, "proxy_set_header X-Real-IP $remote_addr;"]],
    ids=["HTTP/1.0", "HTTP/1.1 with a field"],
)
def test_debugger_is_hidden_from_clients_of_the_proxy(serve, tmp_path, options, caplog):
    app = Kyoukai("failing", debug=True)

    @app.route("/")
    async def fail(ctx):
        raise ValueError("why")

    # The server's own address for Host, as nginx sends it where proxy_pass has one.
    proxy = nginx(tmp_path, serve(app).port, [*options, "proxy_set_header Host 127.0.0.1;"])
    try:
        for accept in ("Accept: text/html", "Accept: */*"):
            answer = proxy.request(message("GET", "/", accept))
            assert (answer.status, b"why" in answer.body) == (500, False)
    finally:
        proxy.end()
    # The log has what the client has not.
    assert len(error_records(caplog)) == 2
    caplog.clear()
