"""``Expect: 100-continue`` (RFC 9110 section 10.1.1)."""

import asyncio

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, chunks, echo, message

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECT = "Expect: 100-continue"


@pytest.mark.every_wire
def test_continue_precedes_a_sized_body(serve):
    with serve(echo).connect() as client:
        for _ in range(2):
            client.send(message("POST", "/", EXPECT, "Content-Length: 4"))
            assert client.receive_exactly(len(CONTINUE)) == CONTINUE
            assert client.request(b"body").body == b"POST / body"


@pytest.mark.every_wire
def test_continue_precedes_a_chunked_body(serve):
    with serve(echo).connect() as client:
        client.send(message("POST", "/", "Expect: 100-Continue", "Transfer-Encoding: chunked"))
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(chunks(b"bo", b"dy")).body == b"POST / body"


@pytest.mark.every_wire
def test_a_client_that_does_not_wait(serve):
    with serve(echo).connect() as client:
        for _ in range(2):
            client.send(message("POST", "/", EXPECT, body=b"body"))
            answer = client.receive()
            if answer.status == 100:
                answer = client.receive()
            assert answer.body == b"POST / body"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((EXPECT, "Content-Length: 100000000"), 413),
        (("Expect: magic", "Content-Length: 4"), 417),
        (("Expect: magic",), 417),
        ((EXPECT, "Content-Length: 4", "Transfer-Encoding: chunked"), 400),
    ],
)
def test_refusal_replaces_continue(serve, fields, status):
    with serve(echo).connect() as client:
        answer = client.request(message("POST", "/", *fields))
        assert (answer.status, answer.fields["connection"]) == (status, "close")
        assert client.receive_rest() == b""


@pytest.mark.every_wire
def test_no_continue_without_a_body(serve):
    with serve(echo).connect() as client:
        assert client.request(message("GET", "/", EXPECT)).status == 200
        assert client.request(message("POST", "/", EXPECT, body=b"")).status == 200


def test_no_continue_for_http_1_0(serve):
    with serve(echo).connect() as client:
        client.send(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        assert client.receive().body == b"POST / body"


def test_continue_follows_the_answers_to_earlier_requests(serve):
    event = asyncio.Event()

    @Answering
    async def app(request):
        if request.path == "/slow":
            await event.wait()
        return Response(request.get_data())

    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/slow") + message("POST", "/", EXPECT, "Content-Length: 4"))
        server.wait_until(lambda: server.server.connections and server.connection.reader.exchange is not None)
        server.call(event.set)
        assert client.receive().status == 200
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"body").body == b"body"


@pytest.mark.every_wire
def test_pipelined_behind_a_waiting_request(serve):
    with serve(echo).connect() as client:
        client.send(message("POST", "/1", EXPECT, "Content-Length: 3"))
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        client.send(b"one" + message("POST", "/2", EXPECT, "Content-Length: 3"))
        assert client.receive().body == b"POST /1 one"
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"two").body == b"POST /2 two"
