"""A request means the same wherever the network cuts it."""

import socket

import pytest

from ..serving import chunks, echo, message

SIZED = message("POST", "/a?b=c", "X-Field: value", body=b"0123456789")
CHUNKED = message("POST", "/a?b=c", "Transfer-Encoding: chunked") + chunks(b"01234", b"56789")
REQUESTS = pytest.mark.parametrize("request_bytes", [SIZED, CHUNKED], ids=["sized", "chunked"])
WHOLE = b"POST /a?b=c 0123456789"


def send_apart(client, server, first, second):
    """Send two pieces so that the server gets the first one by itself."""
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.send(first)
    # The loop has polled the socket between two of these calls.
    server.call(lambda: None)
    server.call(lambda: None)
    client.send(second)


@REQUESTS
def test_cut_at_every_position(serve, request_bytes):
    server = serve(echo)
    with server.connect() as client:
        for position in range(1, len(request_bytes)):
            send_apart(client, server, request_bytes[:position], request_bytes[position:])
            assert client.receive().body == WHOLE, f"cut at {position}"


@REQUESTS
def test_byte_by_byte(serve, request_bytes):
    server = serve(echo)
    with server.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request_bytes:
            client.send(bytes([byte]))
        assert client.receive().body == WHOLE


def test_two_requests_in_one_piece_and_a_half(serve):
    server = serve(echo)
    with server.connect() as client:
        send_apart(client, server, SIZED + CHUNKED + SIZED[:20], SIZED[20:])
        assert [client.receive().body for _ in range(3)] == [WHOLE] * 3
