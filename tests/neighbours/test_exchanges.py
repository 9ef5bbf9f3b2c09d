"""What is the same behind every proxy."""

import functools
import logging
import os
import threading

import pytest

from ..serving import PATIENCE, chunks, error_records, message
from .proxies import haproxy, nginx
from .recording import PIECE

MIB = PIECE * 64
TE = "Transfer-Encoding: chunked"

# As nginx's documentation has it for connections that are kept, and with nothing held back.
KEPT = ("proxy_http_version 1.1;", 'proxy_set_header Connection "";')
UNBUFFERED = ("proxy_buffering off;", "proxy_request_buffering off;")

STREAMING = {
    "haproxy": haproxy,
    "nginx, HTTP/1.1, unbuffered": lambda *args: nginx(*args, *KEPT, *UNBUFFERED),
}
KEEPING = {**STREAMING, "nginx, HTTP/1.1": lambda *args: nginx(*args, *KEPT)}
PROXIES = {
    **KEEPING,
    # What nginx does by default, up to its version 1.29.
    "nginx, HTTP/1.0": lambda *args: nginx(*args, "proxy_http_version 1.0;"),
    "nginx, HTTP/1.0, unbuffered": lambda *args: nginx(*args, "proxy_http_version 1.0;", *UNBUFFERED),
}

every_proxy = pytest.mark.parametrize("kind", PROXIES.values(), ids=PROXIES)
keeping_proxy = pytest.mark.parametrize("kind", KEEPING.values(), ids=KEEPING)
streaming_proxy = pytest.mark.parametrize("kind", STREAMING.values(), ids=STREAMING)


def descriptors():
    """Return how many descriptors this process, in which the server runs, has open."""
    return len(os.listdir("/dev/fd"))


@every_proxy
def test_bodies_both_ways(front, kind):
    proxy, _, app = front(kind)
    with proxy.connect() as client:
        assert client.request(message()).body == b"GET / "
        assert client.request(message("POST", "/sized", body=b"12345")).body == b"POST /sized 12345"
        assert client.request(message("POST", "/empty", body=b"")).body == b"POST /empty "
        assert client.request(message("POST", "/", TE) + chunks(b"12", b"345")).body == b"POST / 12345"
        assert client.request(message("POST", "/", TE) + chunks()).body == b"POST / "
        answer = client.request(message("GET", "/chunked"))
        assert (answer.body, answer.fields["transfer-encoding"]) == (b"GET /chunked ", "chunked")
        answer = client.request(message("PUT", "/chunked?a", TE) + chunks(b"12", b"345"))
        assert answer.body == b"PUT /chunked?a 12345"
    assert len(app.seen) == 7


@every_proxy
def test_a_mebibyte_up_and_down(front, kind):
    proxy, _, app = front(kind)
    with proxy.connect() as client:
        assert client.request(message("GET", "/mebibyte")).body == MIB
        assert client.request(message("GET", "/streamed")).body == MIB
        assert client.request(message("POST", "/status?204", body=MIB)).status == 204
        upload = message("POST", "/status?204", TE) + chunks(*[PIECE] * 64)
        assert client.request(upload).status == 204
    assert app.bodies == [b"", b"", MIB, MIB]


@every_proxy
def test_answers_without_a_body(front, kind):
    proxy, _, _ = front(kind)
    with proxy.connect() as client:
        answer = client.request(message("HEAD", "/mebibyte"), "HEAD")
        assert (answer.status, answer.fields["content-length"]) == (200, str(len(MIB)))
        assert client.request(message("HEAD", "/streamed"), "HEAD").status == 200
        answer = client.request(message("GET", "/status?204"))
        assert (answer.status, "content-length" in answer.fields) == (204, False)
        assert client.request(message("GET", "/status?304")).status == 304
        # What followed a body that none of them may have would be taken for this answer.
        assert client.request(message("GET", "/after")).body == b"GET /after "


@keeping_proxy
def test_the_connection_to_the_server_is_kept(front, kind):
    proxy, server, app = front(kind)
    with proxy.connect() as client:
        requests = [
            message(),
            message("POST", "/", body=b"12345"),
            message("POST", "/", TE) + chunks(b"12345"),
            message("GET", "/streamed"),
            message("GET", "/status?204"),
            message("GET", "/status?304"),
        ]
        for data in requests:
            client.request(data)
        client.request(message("HEAD", "/mebibyte"), "HEAD")
    # Nor does it end with the client's.
    assert proxy.request(message()).body == b"GET / "
    assert app.connections == 1
    assert len(app.seen) == 8
    assert app.environ["SERVER_PROTOCOL"] == "HTTP/1.1"


@keeping_proxy
@pytest.mark.parametrize("how", ["pipelined", "sequential"])
def test_a_hundred_requests_on_one_connection(front, kind, how):
    proxy, _, app = front(kind)
    requests = [message("POST", f"/{number}", body=b"%d" % number) for number in range(100)]
    with proxy.connect() as client:
        if how == "pipelined":
            client.send(b"".join(requests))
            bodies = [client.receive().body for _ in requests]
        else:
            bodies = [client.request(data).body for data in requests]
    assert bodies == [b"POST /%d %d" % (number, number) for number in range(100)]
    assert len(app.seen) == 100
    assert app.connections == 1


@streaming_proxy
def test_an_answer_is_read_while_it_is_made(front, kind):
    proxy, server, app = front(kind)
    with proxy.connect() as client:
        client.send(message("GET", "/pieces"))
        assert client.receive_head().fields["transfer-encoding"] == "chunked"
        assert client.receive_until(b"first") == b"5\r\nfirst"
        server.call(app.go_on.set)
        assert client.receive_exactly(2 + 3 + 8 + 5) == b"\r\n6\r\nsecond\r\n0\r\n\r\n"


@every_proxy
def test_an_answer_that_breaks_off_is_no_whole_one(front, kind, caplog):
    proxy, server, _ = front(kind)
    with proxy.connect() as client:
        client.send(message("GET", "/broken"))
        # It may be so soon that the proxy has passed nothing on, and says itself what happened.
        rest = client.receive_rest()
    assert not rest.endswith(b"0\r\n\r\n") or rest.startswith(b"HTTP/1.1 502 ")
    server.wait_until_empty()
    assert len(error_records(caplog)) == 1
    caplog.clear()


@every_proxy
def test_expect_continue(front, kind):
    proxy, _, _ = front(kind)
    with proxy.connect() as client:
        client.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 5"))
        # Where nginx says it by itself, the request goes to the server without the field.
        assert client.receive().status == 100
        assert client.request(b"12345").body == b"POST / 12345"
        assert client.request(message("GET", "/after")).body == b"GET /after "


# Clients that go away


@every_proxy
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("path", ["/endless", "/waiting"])
def test_a_client_that_goes_away_before_its_answer_is_whole(front, kind, path, leave):
    proxy, server, app = front(kind)
    at_rest = descriptors()
    client = proxy.connect()
    client.send(message("GET", path))
    assert app.begun.wait(PATIENCE)
    if path == "/endless":
        client.receive_head()
    client.reset() if leave == "reset" else client.socket.close()
    assert app.closed.wait(PATIENCE)
    server.wait_until_empty()
    server.wait_until(lambda: descriptors() <= at_rest)
    assert app.seen == [f"GET {path}"]


@streaming_proxy
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize(
    "data",
    [message("POST", "/", "Content-Length: 9999") + b"123", message("POST", "/", TE) + chunks(b"123")[:-5]],
    ids=["sized", "chunked"],
)
def test_a_client_that_goes_away_in_the_middle_of_its_body(front, kind, data, leave):
    proxy, server, app = front(kind)
    at_rest = descriptors()
    client = proxy.connect()
    client.send(data)
    server.wait_until(lambda: server.server.connections)
    client.reset() if leave == "reset" else client.socket.close()
    server.wait_until_empty()
    server.wait_until(lambda: descriptors() <= at_rest)
    assert app.seen == []


# Bodies that are too large


@streaming_proxy
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_refusal_while_the_client_still_sends(front, kind, framing):
    proxy, server, app = front(kind, limits={"max_body_size": 1000})
    field = TE if framing == "chunked" else "Content-Length: 3000000"
    with proxy.connect() as client:
        client.send(message("POST", "/", field) + (b"%x\r\n" % 3_000_000) * (field == TE) + bytes(100_000))
        assert client.receive_head().status == 413
    server.wait_until_empty()
    assert app.seen == []


@every_proxy
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_refusal_of_a_body_sent_whole(front, kind, framing):
    proxy, server, app = front(kind, limits={"max_body_size": 1000})
    data = message("POST", "/", body=MIB) if framing == "sized" else message("POST", "/", TE) + chunks(MIB)
    with proxy.connect() as client:
        sender = threading.Thread(target=send_what_goes, args=(client, data))
        sender.start()
        assert client.receive_head().status == 413
        client.end()
        sender.join(PATIENCE)
    server.wait_until_empty()
    assert app.seen == []


def send_what_goes(client, data):
    try:
        client.send(data)
    except OSError:
        """It was refused before it was sent."""


# What proxies tell


@every_proxy
def test_forwarding_fields_are_data(front, kind):
    proxy, _, app = front(kind)
    fields = {
        "Forwarded": "for=192.0.2.1;proto=https",
        "X-Forwarded-For": "192.0.2.1, 192.0.2.2",
        "X-Forwarded-Host": "example.org",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Prefix": "/prefix",
        "X-Forwarded-Proto": "https",
        "X-Real-IP": "192.0.2.1",
    }
    proxy.request(message("GET", "/", *[f"{name}: {value}" for name, value in fields.items()]))
    assert {name: app.requests[0].headers.get(name) for name in fields} == fields
    variables = ("REMOTE_ADDR", "wsgi.url_scheme", "SCRIPT_NAME", "SERVER_NAME")
    assert [app.environ[name] for name in variables] == ["127.0.0.1", "http", "", "127.0.0.1"]
