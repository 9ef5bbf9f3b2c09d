"""What a client can make the server hold is bounded, whatever it is that comes without end."""

import pytest
from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from ..serving import Answering, echo, error_records, message

CHUNKED = message("POST", "/", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("start", "endless", "statuses"),
    [
        pytest.param(b"0\r\nX: ", b"a", {400, 431}, id="one-trailer"),
        pytest.param(b"0\r\n", b"X: 1\r\n", {431}, id="trailers"),
        pytest.param(b"1;", b"a", {400}, id="CVE-2024-22019-extension"),
    ],
)
def test_endless_framing_of_a_body(serve, start, endless, statuses):
    server = serve(echo, limits={"max_head_size": 4096})
    with server.connect() as client:
        client.send(CHUNKED + start)
        for _ in range(8):
            client.send(endless * (1024 // len(endless)))
            server.call(lambda: None)
        assert client.receive().status in statuses


def test_a_body_in_tiny_pieces_is_whole(serve):
    body = bytes(range(256)) * 20
    server = serve(echo)
    pieces = [body[position : position + 2] for position in range(0, len(body), 2)]
    sized = b"%x\r\n%b\r\n" % (2000, bytes(2000))
    with server.connect() as client:
        client.send(CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces))
        client.send(sized + b"1\r\nx\r\n0\r\n\r\n")
        assert client.receive().body.endswith(body + bytes(2000) + b"x")


def test_only_the_handler_keeps_a_request_alive(serve):
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response("")

    server = serve(app)
    with server.connect() as client:
        client.request(message("POST", body=b"x"))
        client.request(message())
        # No cycle: the environ knows its request no longer.
        assert "werkzeug.request" not in environs[0]


@pytest.mark.parametrize("size", [1, 65536])
@pytest.mark.parametrize("is_read", [False, True])
def test_a_stream_that_never_waits_leaves_the_loop_to_others(serve, caplog, size, is_read):
    ended = []

    @Answering
    async def app(request):
        if request.path == "/":
            return Response("for a bystander")

        async def pieces():
            try:
                while True:
                    yield bytes(size)
            finally:
                ended.append(True)

        return Response(pieces())

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/endless"))
        if is_read:
            client.receive_exactly(100_000)
            assert server.request(message()).body == b"for a bystander"
        client.reset()
    assert server.request(message()).body == b"for a bystander"
    server.wait_until(lambda: ended or not server.server.connections)
    assert error_records(caplog) == []


def test_a_file_that_grew_is_sent_as_far_as_declared(serve, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a" * 1000)

    @Answering
    async def app(request):
        response = send_file(path, request.environ)
        path.write_bytes(b"a" * 1000 + b"b" * 500)
        return response

    with serve(app).connect() as client:
        assert client.request(message()).body == b"a" * 1000
