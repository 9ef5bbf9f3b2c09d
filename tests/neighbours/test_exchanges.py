"""What is the same behind every proxy."""

import functools
import itertools
import os
import threading

import pytest

from ..serving import PATIENCE, chunks, error_records, message
from .proxies import KEPT, UNBUFFERED, haproxy, nginx
from .recording import PIECE

MIB = PIECE * 64
TE = "Transfer-Encoding: chunked"

KEEPING = {"haproxy": haproxy, "nginx, HTTP/1.1": functools.partial(nginx, options=[*KEPT, *UNBUFFERED])}
PROXIES = {
    **KEEPING,
    # What nginx does by default, up to its version 1.29.
    "nginx, HTTP/1.0": functools.partial(nginx, options=["proxy_http_version 1.0;"]),
}

every_proxy = pytest.mark.parametrize("kind", PROXIES.values(), ids=PROXIES)
keeping_proxy = pytest.mark.parametrize("kind", KEEPING.values(), ids=KEEPING)


def descriptors():
    """Return how many descriptors this process, in which the server runs, has open."""
    return len(os.listdir("/dev/fd"))


def descriptors_at_rest(server):
    """Return how many there are while there is no connection."""
    # uvloop opens one that it keeps when it accepts for the first time.
    server.connect().socket.close()
    server.wait_until_empty()
    return server.call(descriptors)


@every_proxy
def test_bodies_both_ways(front, kind):
    proxy, _, app = front(kind)
    with proxy.connect() as client:
        assert client.request(message()).body == b"[[GET / ]]"
        assert client.request(message("POST", "/sized", body=b"12345")).body == b"[[POST /sized 12345]]"
        assert client.request(message("POST", "/empty", body=b"")).body == b"[[POST /empty ]]"
        assert client.request(message("POST", "/", TE) + chunks(b"12", b"345")).body == b"[[POST / 12345]]"
        assert client.request(message("POST", "/", TE) + chunks()).body == b"[[POST / ]]"
        answer = client.request(message("GET", "/chunked"))
        assert (answer.body, answer.fields["transfer-encoding"]) == (b"[[GET /chunked ]]", "chunked")
        answer = client.request(message("PUT", "/chunked?a", TE) + chunks(b"12", b"345"))
        assert answer.body == b"[[PUT /chunked?a 12345]]"
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
        assert client.request(message("GET", "/after")).body == b"[[GET /after ]]"


@keeping_proxy
def test_the_connection_to_the_server_is_kept(front, kind):
    proxy, _, app = front(kind)
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
    assert proxy.request(message()).body == b"[[GET / ]]"
    assert app.connections == 1
    assert len(app.seen) == 8
    assert app.environ["SERVER_PROTOCOL"] == "HTTP/1.1"


@keeping_proxy
def test_a_hundred_requests_on_one_connection(front, kind):
    proxy, _, app = front(kind)
    requests = [message("POST", f"/{number}", body=b"%d" % number) for number in range(100)]
    echoes = [b"[[POST /%d %d]]" % (number, number) for number in range(100)]
    with proxy.connect() as client:
        client.send(b"".join(requests))
        assert [client.receive().body for _ in requests] == echoes
        assert [client.request(data).body for data in requests] == echoes
    assert len(app.seen) == 200
    assert app.connections == 1


@keeping_proxy
def test_a_kept_connection_that_the_server_has_closed(front, kind):
    proxy, server, app = front(kind, limits={"keep_alive_timeout": 0.3})
    with proxy.connect() as client:
        for number in range(3):
            answer = client.request(message("POST", f"/{number}", body=b"12345"))
            assert answer.body == b"[[POST /%d 12345]]" % number
            server.wait_until_empty()
    assert app.connections == len(app.seen) == 3


@keeping_proxy
def test_an_answer_is_read_while_it_is_made(front, kind):
    proxy, server, app = front(kind)
    with proxy.connect() as client:
        client.send(message("GET", "/pieces"))
        assert client.receive_head().fields["transfer-encoding"] == "chunked"
        assert client.receive_until(b"first") == b"5\r\nfirst"
        server.call(app.go_on.set)
        assert client.receive_exactly(2 + 3 + 8 + 5) == b"\r\n6\r\nsecond\r\n0\r\n\r\n"


@every_proxy
def test_truncated_answer_is_detected(front, kind, caplog):
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
        assert client.request(b"12345").body == b"[[POST / 12345]]"
        assert client.request(message("GET", "/after")).body == b"[[GET /after ]]"


# Clients that go away


def leave_by_closing(client):
    client.socket.close()


def leave_by_reset(client):
    client.reset()


LEAVING = [leave_by_closing, leave_by_reset]


@every_proxy
@pytest.mark.parametrize("path", ["/endless", "/waiting"])
def test_a_client_that_goes_away_before_its_answer_is_whole(front, kind, path):
    proxy, server, app = front(kind)
    at_rest = descriptors_at_rest(server)
    for leave in LEAVING:
        client = proxy.connect()
        client.send(message("GET", path))
        assert app.begun.wait(PATIENCE)
        if path == "/endless":
            client.receive_head()
        leave(client)
        assert app.closed.wait(PATIENCE)
        server.wait_until_empty()
        server.wait_until(lambda: descriptors() <= at_rest)
        app.begun.clear()
        app.closed.clear()
    assert app.seen == [f"GET {path}"] * 2


@keeping_proxy
def test_a_client_that_goes_away_in_the_middle_of_its_body(front, kind):
    proxy, server, app = front(kind)
    at_rest = descriptors_at_rest(server)
    sized = message("POST", "/", "Content-Length: 9999") + b"123"
    chunked = message("POST", "/", TE) + chunks(b"123")[:-5]
    for data, leave in itertools.product([sized, chunked], LEAVING):
        client = proxy.connect()
        client.send(data)
        server.wait_until(lambda: server.server.connections)
        leave(client)
        server.wait_until_empty()
        server.wait_until(lambda: descriptors() <= at_rest)
    assert app.seen == []


# Bodies that are too large


@keeping_proxy
def test_a_refusal_while_the_client_still_sends(front, kind):
    proxy, server, app = front(kind, limits={"max_body_size": 1000})
    sized = message("POST", "/", "Content-Length: 3000000") + bytes(100_000)
    chunked = message("POST", "/", TE) + b"%x\r\n" % 3_000_000 + bytes(100_000)
    for data in sized, chunked:
        with proxy.connect() as client:
            client.send(data)
            assert client.receive_head().status == 413
    server.wait_until_empty()
    assert app.seen == []


@every_proxy
def test_a_refusal_of_a_body_sent_whole(front, kind):
    proxy, server, app = front(kind, limits={"max_body_size": 1000})
    for data in message("POST", "/", body=MIB), message("POST", "/", TE) + chunks(MIB):
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
