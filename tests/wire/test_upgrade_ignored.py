"""An upgrade to what the server does not speak is ignored, and the body read (RFC 9110 section 7.8)."""

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, chunks, echo, message

PROTOCOLS = pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.2", "unknown/1"])


def upgrade(protocol):
    fields = [f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQ"]
    return [*fields, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]


@PROTOCOLS
def test_without_a_body(serve, protocol):
    with serve(echo).connect() as client:
        for _ in range(2):
            answer = client.request(message("GET", "/", *upgrade(protocol)))
            assert (answer.status, answer.body) == (200, b"GET / ")
            assert "upgrade" not in answer.fields


@PROTOCOLS
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_with_a_sized_body(serve, protocol, size):
    with serve(echo).connect() as client:
        for _ in range(2):
            answer = client.request(message("POST", "/", *upgrade(protocol), body=b"x" * size))
            assert answer.body == b"POST / " + b"x" * size


@PROTOCOLS
def test_with_a_chunked_body(serve, protocol):
    with serve(echo).connect() as client:
        for _ in range(2):
            head = message("POST", "/", *upgrade(protocol), "Transfer-Encoding: chunked")
            answer = client.request(head + chunks(b"one", b"x" * 50_000))
            assert answer.body == b"POST / one" + b"x" * 50_000


@PROTOCOLS
def test_followed_by_pipelined_requests(serve, protocol):
    offer = upgrade(protocol)
    with serve(echo).connect() as client:
        client.send(
            message("GET", "/1", *offer)
            + message("POST", "/2", *offer, body=b"two")
            + message("POST", "/3", *offer, "Transfer-Encoding: chunked")
            + chunks(b"th", b"ree")
            + message("GET", "/4")
        )
        bodies = [client.receive().body for _ in range(4)]
        assert bodies == [b"GET /1 ", b"POST /2 two", b"POST /3 three", b"GET /4 "]


def test_byte_by_byte(serve):
    offer = upgrade("h2c")
    data = message("POST", "/1", *offer, body=b"one") + message("GET", "/2", *offer) + message("GET", "/3")
    with serve(echo).connect() as client:
        for byte in data:
            client.send(bytes([byte]))
        assert [client.receive().body for _ in range(3)] == [b"POST /1 one", b"GET /2 ", b"GET /3 "]


def test_the_application_sees_the_offer(serve):
    @Answering
    async def app(request):
        return Response(request.environ["HTTP_UPGRADE"])

    assert serve(app).request(message("GET", "/", *upgrade("h2c"))).body == b"h2c"


def test_trailers_after_an_offer_stay_apart(serve):
    @Answering
    async def app(request):
        return Response(repr(request.environ["kyoukai.trailers"]))

    head = message("POST", "/", *upgrade("h2c"), "Transfer-Encoding: chunked")
    assert serve(app).request(head + b"0\r\nX-A: tail\r\n\r\n").body == b"[(b'X-A', b'tail')]"


@pytest.mark.parametrize("body", [b"5\r\nabcdeXX", b"xyz\r\n"])
def test_a_faulty_body_is_refused(serve, body):
    head = message("POST", "/", *upgrade("h2c"), "Transfer-Encoding: chunked")
    answer = serve(echo).request(head + body)
    assert (answer.status, answer.fields["connection"]) == (400, "close")


def test_a_large_body_is_refused(serve):
    with serve(echo, limits={"max_body_size": 1000}).connect() as client:
        head = message("POST", "/", *upgrade("h2c"), "Transfer-Encoding: chunked")
        assert client.request(head + chunks(*[b"x" * 100] * 11)).status == 413


def test_expect_continue_and_upgrade(serve):
    with serve(echo).connect() as client:
        client.send(message("POST", "/", *upgrade("h2c"), "Expect: 100-continue", "Content-Length: 4"))
        assert client.receive_head().status == 100
        assert client.request(b"body").body == b"POST / body"


def test_connection_close_and_upgrade(serve):
    offer = upgrade("h2c")
    offer[1] = "Connection: close, Upgrade"
    with serve(echo).connect() as client:
        client.send(message("GET", "/1", *offer) + message("GET", "/2"))
        answer = client.receive()
        assert (answer.body, answer.fields["connection"]) == (b"GET /1 ", "close")
        assert client.receive_rest() == b""


def test_a_minor_version_above_ours_behind_an_upgrade_with_a_body(serve):
    server = serve(echo)
    offer = message("POST", "/", "Connection: Upgrade", "Upgrade: h2c", body=b"body")
    with server.connect() as client:
        assert client.request(offer).body.endswith(b"body")
        assert client.request(message(version="1.2")).status == 200
