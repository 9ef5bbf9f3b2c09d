"""Proxies that speak HTTP/2 with the server, whatever their own clients speak: HAProxy, and nginx."""

import functools

import pytest

from ..serving import PATIENCE, chunks, error_records, message
from .odd import every_fault
from .proxies import haproxy, nginx
from .recording import PIECE
from .test_haproxy import LENIENT

MIB = PIECE * 64
TE = "Transfer-Encoding: chunked"

PROXIES = {
    "haproxy": functools.partial(haproxy, server_options="proto h2"),
    "nginx": functools.partial(nginx, passes="grpc_pass grpc://kyoukai;"),
}

every_proxy = pytest.mark.parametrize("kind", PROXIES.values(), ids=PROXIES)


@pytest.fixture
def backend():
    """The one that speaks HTTP/2."""
    return "h2"


@every_proxy
def test_bodies_both_ways(front, kind):
    proxy, _, app = front(kind)
    with proxy.connect() as client:
        assert client.request(message()).body == b"[[GET / ]]"
        assert client.request(message("POST", "/sized", body=b"12345")).body == b"[[POST /sized 12345]]"
        assert client.request(message("POST", "/empty", body=b"")).body == b"[[POST /empty ]]"
        assert (
            client.request(message("PUT", "/a?b", TE) + chunks(b"12", b"345")).body == b"[[PUT /a?b 12345]]"
        )
        assert client.request(message("GET", "/chunked")).body == b"[[GET /chunked ]]"
        assert client.request(message("GET", "/mebibyte")).body == MIB
        assert client.request(message("GET", "/streamed")).body == MIB
        assert client.request(message("POST", "/status?204", body=MIB)).status == 204
        assert client.request(message("POST", "/status?204", TE) + chunks(*[PIECE] * 64)).status == 204
        assert client.request(message("HEAD", "/mebibyte"), "HEAD").status == 200
        assert client.request(message("GET", "/status?304")).status == 304
        assert client.request(message("GET", "/after")).body == b"[[GET /after ]]"
    assert app.bodies[7:9] == [MIB, MIB]
    assert app.environ["SERVER_PROTOCOL"] == "HTTP/2"


def test_clients_share_a_connection(front):
    proxy, _, app = front(PROXIES["haproxy"])
    clients = [proxy.connect() for _ in range(50)]
    for _ in range(2):
        for number, client in enumerate(clients):
            client.send(message("POST", f"/{number}", body=b"%d" % number))
        for number, client in enumerate(clients):
            assert client.receive().body == b"[[POST /%d %d]]" % (number, number)
    for client in clients:
        client.socket.close()
    # Those of the first round may each have found none that was ready.
    assert app.connections < len(clients)
    assert len(app.seen) == 100


@every_proxy
def test_an_answer_is_read_while_it_is_made(front, kind):
    proxy, server, app = front(kind)
    with proxy.connect() as client:
        client.send(message("GET", "/pieces"))
        client.receive_until(b"first")
        server.call(app.go_on.set)
        client.receive_until(b"second")


@every_proxy
def test_truncated_answer_is_detected(front, kind, caplog):
    proxy, _, _ = front(kind)
    with proxy.connect() as client:
        client.send(message("GET", "/broken"))
        # It may be so soon that the proxy has passed nothing on, and says itself what happened.
        rest = client.receive_rest()
    assert not rest.endswith(b"0\r\n\r\n") or rest.startswith(b"HTTP/1.1 502 ")
    assert len(error_records(caplog)) == 1
    caplog.clear()


@every_proxy
@pytest.mark.parametrize("path", ["/endless", "/waiting"])
def test_a_client_that_goes_away_before_its_answer_is_whole(front, kind, path):
    proxy, _, app = front(kind)
    with proxy.connect() as other:
        client = proxy.connect()
        client.send(message("GET", path))
        assert app.begun.wait(PATIENCE)
        client.reset()
        assert app.closed.wait(PATIENCE)
        # The others' streams go on.
        assert other.request(message()).body == b"[[GET / ]]"


@every_proxy
def test_a_body_that_is_too_large(front, kind):
    proxy, _, app = front(kind, limits={"max_body_size": 1000})
    with proxy.connect() as client:
        client.send(message("POST", "/", "Content-Length: 3000000") + bytes(100_000))
        assert client.receive_head().status == 413
    assert app.seen == []
    assert proxy.request(message()).status == 200


def test_nothing_is_smuggled(front, caplog):
    assert every_fault(front(PROXIES["haproxy"], options=LENIENT), caplog) == []
