"""The bodies of answers: how each is delimited, and that all of it arrives."""

import asyncio
import os

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, error_records, message

pytestmark = pytest.mark.every_wire


async def pieces_of(*pieces):
    for piece in pieces:
        yield piece


def test_a_known_length(serve):
    @Answering
    async def app(request):
        return Response(["a", b"b", "ü"])

    answer = serve(app).request(message())
    assert answer.body == "abü".encode()
    assert answer.fields["content-length"] == "4"
    assert "transfer-encoding" not in answer.fields


def test_an_empty_body(serve):
    @Answering
    async def app(request):
        return Response("")

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert (answer.status, answer.fields["content-length"], answer.body) == (200, "0", b"")


def test_a_large_body_in_memory(serve):
    body = os.urandom(4 * 1024 * 1024)

    @Answering
    async def app(request):
        return Response(body)

    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request(message()).body == body


@pytest.mark.parametrize("size", [16 * 1024, 16 * 1024 + 1, 64 * 1024 + 1, 1024 * 1024, 1024 * 1024 + 1])
def test_every_kind_of_body_follows_its_head(serve, size):
    body = os.urandom(size)

    @Answering
    async def app(request):
        return Response(body)

    with serve(app).connect() as client:
        # All are under way before the first is read.
        client.send(message() * 3)
        for _ in range(3):
            answer = client.receive()
            assert answer.fields["content-length"] == str(size)
            assert answer.body == body


STREAMS = {
    "generator": lambda: (piece for piece in ["a", b"b", "", b"", "ü"]),
    "iterator": lambda: iter(["a", b"b", "", b"", "ü"]),
    "async generator": lambda: pieces_of("a", b"b", "", b"", "ü"),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_is_chunked(serve, kind):
    @Answering
    async def app(request):
        return Response(STREAMS[kind]())

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert answer.body == "abü".encode()
            assert answer.fields["transfer-encoding"] == "chunked"
            assert "content-length" not in answer.fields


def test_each_piece_is_sent_at_once(serve):
    go_on = []

    async def pieces():
        for number in range(3):
            event = asyncio.Event()
            go_on.append(event)
            yield b"%d" % number
            await event.wait()

    @Answering
    async def app(request):
        return Response(pieces())

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        for number in range(3):
            assert client.receive_exactly(6) == b"1\r\n%d\r\n" % number
            server.wait_until(lambda number=number: len(go_on) > number)
            server.call(go_on[number].set)
        assert client.receive_exactly(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_large_stream(serve, kind):
    pieces = [os.urandom(50_000) for _ in range(60)]

    @Answering
    async def app(request):
        return Response(iter(pieces) if kind == "sync" else pieces_of(*pieces))

    assert serve(app).request(message()).body == b"".join(pieces)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_of_declared_length(serve, kind):
    @Answering
    async def app(request):
        return Response(STREAMS[kind](), headers={"Content-Length": "4"})

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert answer.body == "abü".encode()
            assert answer.fields["content-length"] == "4"
            assert "transfer-encoding" not in answer.fields


def test_a_stream_shorter_than_declared_is_cut(serve, caplog):
    @Answering
    async def app(request):
        return Response(iter(["abc"]), headers={"Content-Length": "5"})

    with serve(app).connect() as client:
        client.send(message())
        assert client.receive_head().fields["content-length"] == "5"
        assert client.receive_rest() == b"abc"
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]


def test_a_stream_longer_than_declared_is_cut(serve, caplog):
    @Answering
    async def app(request):
        return Response(iter(["abc", "def"]), headers={"Content-Length": "5"})

    with serve(app).connect() as client:
        client.send(message())
        assert client.receive_head().fields["content-length"] == "5"
        assert client.receive_rest() == b"abc"
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]


def test_a_body_in_memory_corrects_a_wrong_length(serve):
    @Answering
    async def app(request):
        return Response(["abc"], headers={"Content-Length": "5"})

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert (answer.fields["content-length"], answer.body) == ("3", b"abc")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("body", ["", "body", "stream"])
def test_statuses_without_a_body(serve, status, body):
    @Answering
    async def app(request):
        return Response(iter(["body"]) if body == "stream" else body, status=status)

    with serve(app).connect() as client:
        for _ in range(2):
            client.send(message())
            answer = client.receive_head()
            assert answer.status == status
            assert "transfer-encoding" not in answer.fields
            if status == 204:
                assert "content-length" not in answer.fields
            else:
                # RFC 9110 section 15.4.5: what GET would have had, and never a 0 that it had not.
                assert answer.fields.get("content-length") == ("4" if body == "body" else None)
        client.end()
        assert client.receive_rest() == b""


def test_head_has_the_length_of_get_and_no_body(serve):
    @Answering
    async def app(request):
        return Response("body")

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message("HEAD"), "HEAD")
            assert (answer.status, answer.fields["content-length"]) == (200, "4")
        client.end()
        assert client.receive_rest() == b""


def test_head_keeps_a_declared_length(serve):
    @Answering
    async def app(request):
        return Response(headers={"Content-Length": "1000"})

    with serve(app).connect() as client:
        assert client.request(message("HEAD"), "HEAD").fields["content-length"] == "1000"
        client.end()
        assert client.receive_rest() == b""


def test_head_asks_a_stream_for_nothing(serve):
    asked = []

    def stream():
        asked.append(True)
        yield "x"

    @Answering
    async def app(request):
        return Response(stream())

    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request(message("HEAD"), "HEAD").status == 200
        client.end()
        assert client.receive_rest() == b""
    assert not asked
