"""Requests sent before earlier ones are answered: the answers come in order."""

import asyncio
import gc

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.http1.exchange import HTTP1Exchange

from ..serving import Answering, chunks, echo, message


def test_100_requests(serve):
    with serve(echo).connect() as client:
        client.send(b"".join(message("POST", "/", body=b"%03d" % number) for number in range(100)))
        assert [client.receive().body for _ in range(100)] == [b"POST / %03d" % n for n in range(100)]


def test_more_requests_than_python_has_frames(serve):
    # Whether a handler waits or not, the next one is not called by it.
    @Answering
    async def app(request):
        if request.path == "/wait":
            await asyncio.sleep(0)
        return Response(request.path)

    for paths in ["/at-once"] * 3000, ["/wait", *["/at-once"] * 1500] * 2:
        with serve(app).connect() as client:
            client.send(b"".join(message("GET", path) for path in paths))
            assert [client.receive().body.decode() for _ in paths] == paths


def test_bodies_of_both_framings_follow_each_other(serve):
    with serve(echo).connect() as client:
        client.send(
            message("POST", "/1", body=b"one")
            + message("POST", "/2", "Transfer-Encoding: chunked")
            + chunks(b"t", b"wo")
            + message("GET", "/3")
            + message("POST", "/4", body=b"")
        )
        assert [client.receive().body for _ in range(4)] == [
            b"POST /1 one",
            b"POST /2 two",
            b"GET /3 ",
            b"POST /4 ",
        ]


def test_answers_keep_the_order_where_handlers_wait(serve):
    events = [asyncio.Event() for _ in range(6)]

    @Answering
    async def app(request):
        number = int(request.path[1:])
        if number % 2 == 0:
            await events[number].wait()
        return Response(str(number))

    server = serve(app)
    with server.connect() as client:
        client.send(b"".join(message("GET", f"/{number}") for number in range(6)))
        for number in (4, 2, 0):
            server.call(events[number].set)
        assert [client.receive().body for _ in range(6)] == [b"%d" % number for number in range(6)]


def test_handlers_of_one_connection_run_one_at_a_time(serve):
    running = 0
    most = 0

    @Answering
    async def app(request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Response("x")

    with serve(app).connect() as client:
        client.send(message() * 10)
        for _ in range(10):
            client.receive()
    assert most == 1


def test_streamed_and_sized_answers_follow_each_other(serve):
    @Answering
    async def app(request):
        size = int(request.path[1:])
        return Response(b"x" for _ in range(size)) if size % 2 else Response(b"x" * size)

    with serve(app).connect() as client:
        client.send(b"".join(message("GET", f"/{size}") for size in range(30)))
        assert [len(client.receive().body) for _ in range(30)] == list(range(30))


@pytest.mark.parametrize("by", ["client", "application"])
def test_nothing_is_served_after_close(serve, by):
    seen = []

    @Answering
    async def app(request):
        seen.append(request.path)
        fields = {"Connection": "close"} if by == "application" and request.path == "/2" else {}
        return Response(request.path, headers=fields)

    closing = message("GET", "/2", "Connection: close") if by == "client" else message("GET", "/2")
    with serve(app).connect() as client:
        client.send(message("GET", "/1") + closing + message("GET", "/3"))
        assert client.receive().body == b"/1"
        last = client.receive()
        assert (last.body, last.fields["connection"]) == (b"/2", "close")
        assert client.receive_rest() == b""
    assert seen == ["/1", "/2"]


def test_nothing_is_begun_for_a_client_that_is_known_to_be_gone(serve):
    begun = []

    @Answering
    async def app(request):
        begun.append(request.path)
        if request.path == "/first":
            await may_answer.wait()
            request.environ["kyoukai.protocol"].transport.abort()
        return Response()

    may_answer = asyncio.Event()
    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/first") + message("GET", "/next") * 3)
        server.wait_until(lambda: begun == ["/first"] and len(server.connection.queue.waiting) == 4)
        server.call(may_answer.set)
        server.wait_until_empty()
    assert begun == ["/first"]


@pytest.mark.parametrize("pieces", [1, 2])
def test_an_idle_connection_keeps_no_body(serve, pieces):
    body = bytes(100_000)
    server = serve(echo)
    with server.connect() as client:
        data = message("POST", "/", body=body)
        if pieces == 2:
            client.send(data[:-10])
            server.wait_until(lambda: any(one.reader.exchange for one in server.server.connections))
            data = data[-10:]
        client.request(data)
        connection = server.connection
        server.wait_until(lambda: not connection.queue.waiting)
        kept = server.call(
            lambda: [o for o in gc.get_objects() if isinstance(o, HTTP1Exchange) and o.owner is connection]
        )
        assert kept == []
