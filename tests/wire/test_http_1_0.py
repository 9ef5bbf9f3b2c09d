"""Clients of HTTP/1.0 (RFC 9112 appendix C), and of minor versions to come."""

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, echo, message


def test_the_connection_is_closed_after_the_answer(serve):
    with serve(echo).connect() as client:
        answer = client.request(b"GET / HTTP/1.0\r\n\r\n")
        assert (answer.status, answer.fields["connection"]) == (200, "close")
        assert answer.fields["content-length"] == str(len(answer.body))
        assert client.receive_rest() == b""


def test_keep_alive_is_honoured_and_said(serve):
    with serve(echo).connect() as client:
        for _ in range(3):
            answer = client.request(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (answer.status, answer.fields["connection"]) == (200, "keep-alive")
        assert client.request(b"GET / HTTP/1.0\r\n\r\n").fields["connection"] == "close"
        assert client.receive_rest() == b""


def test_a_body(serve):
    answer = serve(echo).request(b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody")
    assert answer.body == b"POST / body"


@pytest.mark.parametrize("keep_alive", [False, True])
def test_a_stream_ends_with_the_connection(serve, keep_alive):
    @Answering
    async def app(request):
        return Response(iter(["a", "b", "c"]))

    field = b"Connection: keep-alive\r\n" if keep_alive else b""
    with serve(app).connect() as client:
        answer = client.request(b"GET / HTTP/1.0\r\n" + field + b"\r\n")
        assert answer.body == b"abc"
        assert "transfer-encoding" not in answer.fields
        assert "content-length" not in answer.fields
        assert answer.fields["connection"] == "close"


def test_the_environ_says_so(serve):
    @Answering
    async def app(request):
        return Response(request.environ["SERVER_PROTOCOL"])

    assert serve(app).request(b"GET / HTTP/1.0\r\n\r\n").body == b"HTTP/1.0"


def test_upgrade_is_ignored(serve):
    @Answering
    async def app(request):
        return Response(str("HTTP_UPGRADE" in request.environ))

    answer = serve(app).request(b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"False")


def test_a_higher_minor_version_is_served_as_1_1(serve):
    @Answering
    async def app(request):
        return Response(request.environ["SERVER_PROTOCOL"])

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message(version="1.2"))
            assert (answer.status, answer.body) == (200, b"HTTP/1.1")
            assert "connection" not in answer.fields
