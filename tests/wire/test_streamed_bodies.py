"""Bodies that a handler reads as they come, and requests that are answered before theirs have come."""

import asyncio
import contextlib
import functools
import gzip
import resource
import socket
import ssl
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response

from kyoukai import BodyStream, Kyoukai, ProtocolError, send_file
from kyoukai.core.errors import BadRequest, RequestTimeout
from kyoukai.core.serving.application import BodyPlan

from ..serving import PATIENCE, Answering, chunks, error_records, message

MIB = 1024 * 1024
GIB = 1024 * MIB
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECT = "Expect: 100-continue"
CHUNKED = "Transfer-Encoding: chunked"


class Site:
    """An application, and what its handlers have met with."""

    def __init__(self):
        self.app = app = Kyoukai("uploads")
        self.go_on = asyncio.Event()
        self.begun = threading.Event()
        self.raised = []
        self.streams = []
        self.is_watching = False
        self.sizes = []
        add = app.route

        @add("/count", methods=["POST"], stream=True, max_body_size=4 * GIB)
        async def count(ctx):
            self.begun.set()
            size = 0
            try:
                async for piece in ctx.stream():
                    assert piece
                    size += len(piece)
                    if self.is_watching:
                        self.sizes.append(resident_size())
            except Exception as error:
                self.raised.append(error)
                raise
            return str(size)

        @add("/echo", methods=["POST"], stream=True, max_body_size=1000)
        async def echo(ctx):
            self.begun.set()
            return await ctx.stream().read()

        @add("/forgive", methods=["POST"], stream=True)
        async def forgive(ctx):
            self.begun.set()
            try:
                return await ctx.stream().read()
            except ProtocolError as error:
                return f"never mind {error.code}"

        @add("/form", methods=["POST"], stream=True)
        async def form(ctx):
            return await asyncio.to_thread(lambda: ctx.request.form["name"])

        @add("/files", methods=["POST"])
        async def files(ctx):
            return str([file.stream._rolled for file in ctx.request.files.values()])

        @add("/mirror", methods=["POST"], stream=True)
        async def mirror(ctx):
            async def pieces():
                async for piece in ctx.stream():
                    yield piece

            return pieces(), int(ctx.request.args.get("status", 200))

        @add("/wait", methods=["POST"], stream=True, max_body_size=4 * GIB)
        async def wait(ctx):
            self.begun.set()
            self.streams.append(ctx.stream())
            await self.go_on.wait()
            return str(len(await ctx.stream().read()))

        @add("/ignore", methods=["POST"], stream=True, max_body_size=4 * GIB)
        async def ignore(ctx):
            self.streams.append(ctx.stream())
            return "no, thank you"

        @add("/file", methods=["POST"], stream=True)
        async def file(ctx):
            return await send_file(ctx, Path(__file__))

        @add("/private", methods=["POST"], stream=True, max_body_size=4 * GIB, before=[self.refuse])
        async def private(ctx):
            raise AssertionError

        @add("/blocking", methods=["POST"], stream=True, max_body_size=4 * GIB)
        def blocking(ctx):
            upload = ctx.request.files["file"]
            return f"{ctx.request.form['name']} {len(upload.read())} {upload.stream.name is not None}"

        def read_form(ctx):
            return f"the form {ctx.request.form['name']}"

        @add("/hooked", methods=["POST"], stream=True, before=[read_form])
        async def hooked(ctx):
            raise AssertionError

        @add("/data", methods=["POST"], stream=True)
        async def data(ctx):
            return ctx.request.get_data()

        @add("/buffered", methods=["POST"])
        async def buffered(ctx):
            self.begun.set()
            return b"+".join([piece async for piece in ctx.stream()])

        @add("/small", methods=["POST"], max_body_size=10)
        async def small(ctx):
            return ctx.request.get_data()

        @add("/large", methods=["POST"], max_body_size=20 * MIB)
        async def large(ctx):
            return str(len(ctx.request.get_data()))

        @add("/slash/", methods=["POST"])
        async def slash(ctx):
            return ctx.request.get_data()

        @add("/thread")
        def thread(ctx):
            return "a thread"

        @add("/hello")
        async def hello(ctx):
            return "hello"

    async def refuse(self, ctx):
        raise Unauthorized


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def server(serve, site):
    return serve(site.app)


def resident_size():
    """Return how many bytes of this process are in memory, now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def post(target, *fields, body=None):
    return message("POST", target, *fields, body=body)


def announce(target, size, *fields):
    return post(target, f"Content-Length: {size}", *fields)


# A body that comes whole


def test_a_body_in_one_piece_and_what_follows_on_the_connection(server):
    with server.connect() as client:
        for _ in range(3):
            assert client.request(post("/echo", body=b"hello")).body == b"hello"
            assert client.request(post("/echo", body=b"")).body == b""
            assert client.request(post("/echo")).body == b""
            assert client.request(message("GET", "/hello")).body == b"hello"


def test_a_handler_begins_with_the_head(server, site):
    with server.connect() as client:
        client.send(announce("/count", 10))
        assert site.begun.wait(PATIENCE)
        client.send(b"01234")
        client.send(b"56789")
        assert client.receive().body == b"10"
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_bytewise(server):
    with server.connect() as client:
        for byte in post("/echo", body=b"hello"):
            client.send(bytes([byte]))
        assert client.receive().body == b"hello"


def test_a_chunked_body_with_trailers(server, site):
    with server.connect() as client:
        client.send(post("/wait", CHUNKED) + b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n" + post("/echo", body=b"x"))
        assert site.begun.wait(PATIENCE)
        server.call(site.go_on.set)
        assert client.receive().body == b"3"
        assert site.streams[0].trailers == [(b"X-Sum", b"6")]
        assert client.receive().body == b"x"


def test_a_request_behind_a_streamed_body_waits_its_turn(server, site):
    with server.connect() as client:
        client.send(post("/wait", body=b"one") + message("GET", "/hello") + post("/echo", body=b"two"))
        assert site.begun.wait(PATIENCE)
        server.wait_until(lambda: len(server.connection.queue.waiting) == 3)
        server.call(site.go_on.set)
        assert [client.receive().body for _ in range(3)] == [b"3", b"hello", b"two"]


def test_a_streamed_body_behind_other_requests(server, site):
    with server.connect() as client:
        client.send(post("/wait", body=b"one") + announce("/count", 300_000))
        assert site.begun.wait(PATIENCE)
        client.send(bytes(200_000))
        server.call(site.go_on.set)
        assert client.receive().body == b"3"
        client.send(bytes(100_000))
        assert client.receive().body == b"300000"
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_2_gib_in_less_memory(server):
    size, block = 2 * GIB, bytes(MIB)
    with server.connect() as client:
        client.request(post("/count", body=block))
        before, most = resident_size(), 0
        client.send(announce("/count", size))
        for _ in range(size // len(block)):
            client.send(block)
            most = max(most, resident_size())
        assert client.receive().body == str(size).encode()
        assert most - before < 16 * MIB
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_by_tls(serve, site, tls, trusting):
    with serve(site.app, ssl=tls).connect(context=trusting) as client:
        for _ in range(2):
            client.send(announce("/count", 8 * MIB))
            for _ in range(8):
                client.send(bytes(MIB))
            assert client.receive().body == str(8 * MIB).encode()
        assert client.request(post("/echo", body=b"hello")).body == b"hello"


# Backpressure


def fill(client, most):
    """Send until there is no more room, and return how much went."""
    client.socket.setblocking(False)
    sent, block = 0, bytes(65536)
    idle = 0
    while sent < most and idle < 200:
        try:
            sent += client.socket.send(block)
            idle = 0
        except (BlockingIOError, ssl.SSLWantWriteError):
            idle += 1
            threading.Event().wait(0.001)
    client.socket.settimeout(PATIENCE)
    return sent


def test_client_with_an_unread_body_has_to_wait(server, site):
    size = 64 * MIB
    with server.connect() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client.send(announce("/wait", size))
        assert site.begun.wait(PATIENCE)
        sent = fill(client, size)
        server.wait_until(lambda: not server.connection.transport.is_reading())
        assert sent < 16 * MIB
        assert site.streams[0].unread <= 64 * 1024 + 256 * 1024
        server.call(site.go_on.set)
        while sent < size:
            client.send(bytes(min(MIB, size - sent)))
            sent += min(MIB, size - sent)
        assert client.receive().body == str(size).encode()
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_client_with_an_unread_body_has_to_wait_over_tls(serve, site, tls, trusting):
    size = 64 * MIB
    server = serve(site.app, ssl=tls)
    with server.connect(context=trusting) as client:
        client.send(announce("/wait", size))
        assert site.begun.wait(PATIENCE)
        sent = fill(client, size)
        assert sent < 16 * MIB
        assert site.streams[0].unread <= MIB
        server.call(site.go_on.set)
        while sent < size:
            client.send(bytes(min(65536, size - sent)))
            sent += min(65536, size - sent)
        assert client.receive().body == str(size).encode()


def test_waiting_client_is_not_late(serve, site):
    server = serve(site.app, limits={"body_timeout": 0.1, "min_body_rate": 1e9})
    with server.connect() as client:
        client.send(announce("/wait", MIB) + bytes(MIB // 2))
        server.wait_until(lambda: server.server.connections and not server.connection.transport.is_reading())
        server.let_pass(0.5)
        assert server.connection.state.name == "body"
        server.call(site.go_on.set)
        client.send(bytes(MIB // 2))
        assert client.receive().body == str(MIB).encode()


# Expect: 100-continue


def test_continue_is_sent_when_the_body_is_read(server, site):
    with server.connect() as client:
        client.send(announce("/wait", 4, EXPECT))
        assert site.begun.wait(PATIENCE)
        assert server.connection.reader.exchange.awaits_continue
        server.call(site.go_on.set)
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"body").body == b"4"
        assert client.request(message("GET", "/hello")).body == b"hello"


@pytest.mark.parametrize("target", ["/ignore", "/file"])
def test_no_continue_where_the_body_is_not_read(server, target):
    with server.connect() as client:
        answer = client.request(announce(target, 4, EXPECT))
        assert (answer.status, answer.fields["connection"]) == (200, "close")
        assert client.receive_rest() == b""


def test_a_client_that_does_not_wait_for_continue(server, site):
    with server.connect() as client:
        for target, body in (("/echo", b"0123456789"), ("/ignore", b"no, thank you")):
            client.send(announce(target, 10, EXPECT) + b"01234")
            client.send(b"56789")
            answer = client.receive()
            assert (answer.body, "connection" in answer.fields) == (body, False)
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_continue_behind_another_request(server, site):
    with server.connect() as client:
        client.send(post("/wait", body=b"one") + announce("/echo", 4, EXPECT))
        assert site.begun.wait(PATIENCE)
        server.call(site.go_on.set)
        assert client.receive().body == b"3"
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"body").body == b"body"


def test_continue_for_a_body_into_memory(server):
    with server.connect() as client:
        client.send(announce("/buffered", 4, EXPECT))
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"body").body == b"body"
        assert client.request(announce("/small", 11, EXPECT)).status == 413


def test_continue_before_an_answer_that_echoes_the_body(server):
    with server.connect() as client:
        client.send(announce("/mirror", 4, EXPECT))
        assert client.receive_exactly(len(CONTINUE)) == CONTINUE
        assert client.request(b"body").body == b"body"


def test_refusal_that_still_reads_the_body(server, caplog):
    with server.connect() as client:
        client.send(announce("/mirror?status=403", 4, EXPECT))
        assert client.receive_head().status == 403
        # It is cut off, and nobody waits for ever.
        assert client.receive_rest() == b""
    assert "so the client does not send the body" in caplog.text
    caplog.clear()


def test_answer_that_echoes_the_body_while_reading(server):
    with server.connect() as client:
        client.send(announce("/mirror", 3))
        head = client.receive_head()
        assert (head.status, head.fields["transfer-encoding"]) == (200, "chunked")
        for byte in (b"a", b"b", b"c"):
            client.send(byte)
            assert client.receive_until(byte + b"\r\n") == b"1\r\n" + byte + b"\r\n"
        assert client.receive_exactly(5) == b"0\r\n\r\n"
        assert client.request(message("GET", "/hello")).body == b"hello"


def test_answer_that_echoes_a_body_with_a_fault(server, caplog):
    with server.connect() as client:
        client.send(post("/mirror", CHUNKED) + b"1\r\na\r\n")
        assert client.receive_until(b"1\r\na\r\n")
        client.send(b"zz\r\n")
        # Its status is gone, and without a last chunk it is known to be no whole answer.
        assert client.receive_rest() == b""
    assert not error_records(caplog)


# Answered before the body


@pytest.mark.parametrize(
    ("target", "status"),
    [("/nowhere", 404), ("/hello", 405), ("/private", 401), ("/slash", 308), ("/ignore", 200)],
)
@pytest.mark.parametrize("fields", [(), (EXPECT,)])
@pytest.mark.parametrize("length", [4 * GIB, 1000])
def test_at_once(server, target, status, fields, length, caplog):
    with server.connect() as client:
        assert client.request(announce(target, length, *fields)).status == status
    assert error_records(caplog) == []


@pytest.mark.parametrize("target", ["/nowhere", "/hello", "/private", "/ignore"])
def test_short_rest_of_a_body_is_skipped(server, target):
    with server.connect() as client:
        for _ in range(2):
            answer = client.request(announce(target, 10))
            assert "connection" not in answer.fields
            client.send(b"0123")
            client.send(b"456789" + message("GET", "/hello"))
            assert client.receive().body == b"hello"


@pytest.mark.parametrize("target", ["/nowhere", "/private", "/ignore"])
@pytest.mark.parametrize("framing", ["Content-Length: 10000000", CHUNKED])
def test_where_much_is_to_come_the_client_gets_the_answer_all_the_same(server, target, framing):
    with server.connect() as client:
        client.send(post(target, framing) + (b"989680\r\n" if framing is CHUNKED else b""))
        for _ in range(10):
            client.send(bytes(1_000_000))
        answer = client.receive()
        assert answer.fields["connection"] == "close"
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("fields", [(), ("Connection: close",)])
def test_the_same_by_tls(serve, site, tls, trusting, fields):
    with serve(site.app, ssl=tls).connect(context=trusting) as client:
        client.send(announce("/nowhere", 10_000_000, *fields))
        for _ in range(10):
            client.send(bytes(1_000_000))
        answer = client.receive()
        assert (answer.status, answer.fields["connection"]) == (404, "close")


def test_a_client_that_asked_for_the_end_and_still_sends(server):
    with server.connect() as client:
        client.send(announce("/ignore", 5 * MIB, "Connection: close"))
        for _ in range(5):
            client.send(bytes(MIB))
        assert client.receive().body == b"no, thank you"
        assert client.receive_rest() == b""


def test_rest_of_a_body_is_late(serve, site):
    server = serve(site.app, limits={"body_timeout": 0.1})
    with server.connect() as client:
        assert client.request(announce("/ignore", 10)).status == 200
        assert client.receive_rest() == b""
    server.wait_until_empty()


def test_rest_of_a_body_never_arrives(server):
    with server.connect() as client:
        assert client.request(announce("/ignore", 10)).status == 200
        client.end()
        assert client.receive_rest() == b""
    server.wait_until_empty()


def test_a_stop_while_the_rest_is_read_over(server):
    with server.connect() as client:
        assert client.request(announce("/ignore", 10)).status == 200
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        client.send(b"0123456789")
        assert client.receive_rest() == b""


def test_an_idle_connection_after_that_is_closed_in_time(serve, site):
    server = serve(site.app, limits={"keep_alive_timeout": 0.5})
    with server.connect() as client:
        assert client.request(announce("/ignore", 10)).status == 200
        client.send(b"0123456789")
        assert client.receive_rest() == b""


def test_body_is_not_read_after_the_answer(server, site):
    with server.connect() as client:
        assert client.request(announce("/ignore", 10)).status == 200
        with pytest.raises(RuntimeError, match="answered"):
            asyncio.run_coroutine_threadsafe(site.streams[0].read(), server.loop).result(PATIENCE)


# Bodies that are too large


@pytest.mark.parametrize("fields", [(), (EXPECT,)])
def test_declared_too_large_body_is_refused_at_once(server, site, fields):
    with server.connect() as client:
        answer = client.request(announce("/count", 4 * GIB + 1, *fields))
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        assert client.receive_rest() == b""
    assert not site.begun.is_set()


def test_chunked_body_that_grows_too_large(server, site, caplog):
    with server.connect() as client:
        client.send(post("/echo", CHUNKED) + b"3e8\r\n" + bytes(1000) + b"\r\n")
        assert site.begun.wait(PATIENCE)
        server.wait_until(lambda: server.connection.reader.exchange.body.size == 1000)
        client.send(b"1\r\n")
        answer = client.receive()
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        assert client.receive_rest() == b""
    assert error_records(caplog) == []


@pytest.mark.parametrize(
    ("target", "size", "status"),
    [
        ("/small", 10, 200),
        ("/small", 11, 413),
        ("/large", 13 * MIB, 200),
        ("/large", 21 * MIB, 413),
        ("/buffered", 13 * MIB, 413),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_the_limit_is_the_routes(server, target, size, status, is_chunked):
    with server.connect() as client:
        client.send(post(target, CHUNKED if is_chunked else f"Content-Length: {size}"))
        if is_chunked:
            client.send(b"%x\r\n" % size)
        if status == 200:
            client.send(bytes(size) + (b"\r\n0\r\n\r\n" if is_chunked else b""))
        assert client.receive().status == status


def test_a_body_that_came_with_its_head_has_the_limit_of_its_route(server):
    with server.connect() as client:
        assert client.request(post("/small", body=bytes(10))).body == bytes(10)
        assert client.request(post("/small", body=bytes(11))).status == 413


# Content codings


def test_a_content_coding_is_removed(server):
    data = bytes(range(256)) * 3
    coded = gzip.compress(data)
    gzipped = "Content-Encoding: gzip"
    with server.connect() as client:
        assert client.request(post("/echo", gzipped, body=coded)).body == data
        client.send(announce("/echo", len(coded), gzipped))
        for byte in coded:
            client.send(bytes([byte]))
        assert client.receive().body == data
        assert client.request(post("/echo", gzipped, CHUNKED) + chunks(coded[:9], coded[9:])).body == data
        assert client.request(
            post("/count", "Content-Encoding: deflate", body=zlib.compress(bytes(MIB)))
        ).body == (str(MIB).encode())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(bytes(1001)), 413),
        (gzip.compress(bytes(1000)) + b"x", 400),
        (gzip.compress(b"hello")[:-1], 400),
        (b"hello", 400),
    ],
    ids=["too large once decoded", "more behind it", "cut", "of no coding"],
)
def test_invalid_gzip_body(server, body, status, caplog):
    with server.connect() as client:
        answer = client.request(post("/echo", "Content-Encoding: gzip", body=body))
        # Like any other request that is refused.
        assert (answer.status, answer.fields["connection"]) == (status, "close")
        assert client.receive_rest() == b""
    assert error_records(caplog) == []


@functools.cache
def zipped(size):
    return gzip.compress(bytes(size), 1)


def test_compressed_bomb_is_not_held_in_memory(server, site):
    coded = zipped(64 * MIB)
    with server.connect() as client:
        client.request(post("/count", "Content-Encoding: gzip", body=gzip.compress(bytes(MIB))))
        site.is_watching = True
        answer = client.request(post("/count", "Content-Encoding: gzip", body=coded))
        assert answer.body == str(64 * MIB).encode()
        assert max(site.sizes) - min(site.sizes) < 16 * MIB


# Bodies that do not come whole


def check_raised(server, site, kind, caplog):
    server.wait_until(lambda: site.raised)
    (error,) = site.raised
    assert isinstance(error, kind)
    assert error_records(caplog) == []


def test_a_client_that_resets(server, site, caplog):
    with server.connect() as client:
        client.send(announce("/count", 100) + b"0123")
        assert site.begun.wait(PATIENCE)
        client.reset()
        check_raised(server, site, ConnectionResetError, caplog)
    server.wait_until_empty()


def test_a_client_that_ends_its_side(server, site, caplog):
    with server.connect() as client:
        client.send(announce("/count", 100) + b"0123")
        assert site.begun.wait(PATIENCE)
        client.end()
        answer = client.receive()
        assert (answer.status, answer.fields["connection"]) == (400, "close")
        assert client.receive_rest() == b""
    check_raised(server, site, BadRequest, caplog)


def test_a_client_that_is_too_slow(serve, site, caplog):
    server = serve(site.app, limits={"body_timeout": 0.1})
    with server.connect() as client:
        client.send(announce("/count", 100) + b"0123")
        answer = client.receive()
        assert (answer.status, answer.fields["connection"]) == (408, "close")
        assert client.receive_rest() == b""
    check_raised(server, site, RequestTimeout, caplog)


def test_invalid_chunk(server, site, caplog):
    with server.connect() as client:
        client.send(post("/count", CHUNKED) + b"3\r\nabc\r\n")
        assert site.begun.wait(PATIENCE)
        client.send(b"x\r\n" + message("GET", "/hello"))
        answer = client.receive()
        assert (answer.status, answer.fields["connection"]) == (400, "close")
        assert client.receive_rest() == b""
    check_raised(server, site, BadRequest, caplog)


def test_fault_that_arrives_with_the_head_is_refused(server, site):
    with server.connect() as client:
        answer = client.request(post("/count", CHUNKED) + b"x\r\n")
        assert (answer.status, answer.fields["connection"]) == (400, "close")
    assert not site.begun.is_set()


def test_a_broken_body_behind_another_request_is_refused_in_its_turn(server, site):
    with server.connect() as client:
        client.send(post("/wait", body=b"one") + post("/count", CHUNKED) + b"3\r\nabc\r\n")
        assert site.begun.wait(PATIENCE)
        site.begun.clear()
        client.send(b"x\r\n")
        server.wait_until(lambda: server.connection.state.name == "ended")
        server.call(site.go_on.set)
        assert client.receive().body == b"3"
        assert client.receive().status == 400
        assert client.receive_rest() == b""
    assert not site.begun.is_set()


def test_handler_that_ignores_the_fault(server, site, caplog):
    with server.connect() as client:
        client.send(post("/forgive", CHUNKED) + b"3\r\nabc\r\n")
        assert site.begun.wait(PATIENCE)
        client.send(b"x\r\n")
        answer = client.receive()
        assert (answer.status, answer.body) == (200, b"never mind 400")
        assert answer.fields["connection"] == "close"
        assert client.receive_rest() == b""
    assert error_records(caplog) == []


# Other requests than most


def test_http_1_0(server):
    with server.connect() as client:
        client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhel")
        client.send(b"lo")
        assert client.receive().body == b"hello"
        assert client.receive_rest() == b""


def test_an_upgrade_is_offered_with_the_body(server):
    with server.connect() as client:
        for framing, body in (("Content-Length: 5", b"hello"), (CHUNKED, chunks(b"hel", b"lo"))):
            head = post("/echo", "Connection: upgrade", "Upgrade: x", framing)
            client.send(head + body[:2])
            client.send(body[2:] + message("GET", "/hello"))
            assert client.receive().body == b"hello"
            assert client.receive().body == b"hello"


def test_a_known_head_goes_the_same_way(server):
    for _ in range(5):
        with server.connect() as client:
            client.send(announce("/echo", 5) + b"he")
            client.send(b"llo")
            assert client.receive().body == b"hello"
            assert client.request(announce("/small", 11, EXPECT)).status == 413


# Stops


def test_a_stop_lets_a_body_come_whole(server, site):
    with server.connect() as client:
        client.send(announce("/count", 10) + b"01234")
        assert site.begun.wait(PATIENCE)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        client.send(b"56789")
        answer = client.receive()
        assert (answer.body, answer.fields["connection"]) == (b"10", "close")
        assert client.receive_rest() == b""


def test_a_stop_does_not_wait_for_ever(serve, site):
    server = serve(site.app, limits={"shutdown_timeout": 0.1})
    with server.connect() as client:
        client.send(announce("/count", 10) + b"01234")
        assert site.begun.wait(PATIENCE)
        server.stop()
        assert client.receive_rest() == b""
    assert site.raised == []


def test_a_handler_is_cancelled_with_its_client(serve, site):
    server = serve(site.app, cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(announce("/count", 10) + b"01234")
        assert site.begun.wait(PATIENCE)
        client.end()
        assert client.receive_rest() == b""
    server.wait_until_empty()
    assert site.raised == []


# What is no stream, and what is one


def test_stream_of_a_buffered_route_reads_from_memory(server):
    with server.connect() as client:
        client.send(announce("/buffered", 10) + b"01234")
        client.send(b"56789")
        assert client.receive().body == b"0123456789"
        assert client.request(post("/buffered")).body == b""


def test_a_coroutine_cannot_wait_for_a_form(server, caplog):
    with server.connect() as client:
        assert client.request(post("/data", body=b"x")).status == 500
    [record] = error_records(caplog)
    assert "async for chunk in ctx.stream()" in str(record.exc_info[1])
    caplog.clear()


def test_a_thread_can(server):
    mark = "Content-Type: multipart/form-data; boundary=x"
    head = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nme\r\n--x\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    with server.connect() as client:
        client.request(post("/echo", body=b"x"))
        for size in (10, 20 * MIB):
            end = b"\r\n--x--\r\n"
            client.send(announce("/blocking", len(head) + size + len(end), mark) + head)
            client.send(bytes(size))
            client.send(end)
            # Werkzeug keeps a large file on the disk.
            assert client.receive().body.startswith(b"me %d " % size)


@pytest.mark.parametrize("target", ["/blocking", "/hooked"])
def test_waiting_reads_use_threads_of_their_own(server, target):
    server.call(lambda: server.loop.set_default_executor(ThreadPoolExecutor(1)))
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(server.connect())
            client.send(announce(target, 100, "Content-Type: multipart/form-data; boundary=x") + b"--x")
        assert server.request(message("GET", "/thread")).body == b"a thread"


def test_so_can_a_coroutine_by_a_thread(server):
    kind = "Content-Type: application/x-www-form-urlencoded"
    assert server.request(post("/form", kind, body=b"name=me")).body == b"me"


def test_a_large_file_of_a_form_is_kept_on_the_disk(server):
    def part(name, size):
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
        return head.encode() + bytes(size) + b"\r\n"

    body = part("a", 500 * 1024 + 1) + part("b", 100) + b"--x--\r\n"
    answer = server.request(post("/files", "Content-Type: multipart/form-data; boundary=x", body=body))
    assert answer.body == b"[True, False]"


@pytest.mark.parametrize("target", ["/memory", "/stream"])
def test_the_files_of_a_form_that_breaks_off_are_closed(serve, target):
    made = []

    class Noting(Kyoukai.request_class):
        def _get_file_stream(self, *args, **options):
            made.append(super()._get_file_stream(*args, **options))
            return made[-1]

    app = Kyoukai("forms", request_class=Noting)

    @app.route("/memory", methods=["POST"])
    @app.route("/stream", methods=["POST"], endpoint="stream", stream=True)
    def files(ctx):
        return str(len(ctx.request.files))

    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
    kind = "Content-Type: Multipart/form-data; boundary=x"
    server = serve(app)
    with server.connect() as client:
        # It lacks its end: Werkzeug has no files of it.
        assert client.request(post(target, kind, body=head + b"abc")).body == b"0"
        assert len(made) == 1
        if target == "/stream":
            client.send(post(target, kind, "Content-Length: 5000000") + head + bytes(1_000_000))
            server.wait_until(lambda: len(made) == 2)
            client.reset()
    server.wait_until_empty()
    server.wait_until(lambda: all(stream.closed for stream in made))


def test_a_request_class_that_leads_to_another_route(serve):
    class Overriding(Kyoukai.request_class):
        def __init__(self, environ, *args, **options):
            super().__init__(environ, *args, **options)
            self.method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", self.method)
            self.path = self.path.removeprefix("/v1")

    app = Kyoukai("overriding", request_class=Overriding)

    @app.route("/memory", methods=["PUT"])
    async def memory(ctx):
        return ctx.request.get_data()

    @app.route("/stream", methods=["PUT"], stream=True)
    async def stream(ctx):
        return await ctx.stream().read()

    override = "X-HTTP-Method-Override: PUT"
    with serve(app).connect() as client:
        for target in ("/memory", "/v1/memory", "/stream", "/v1/stream"):
            # In pieces: the server asks when it has the head.
            client.send(post(target, override, EXPECT, "Content-Length: 5"))
            assert client.receive_until(b"\r\n\r\n") == CONTINUE
            assert client.request(b"hello").body == b"hello"
            assert client.request(post(target, override, body=b"whole")).body == b"whole"


def test_overridden_process_request_leads_to_another_route(serve):
    class Tenants(Kyoukai):
        async def process_request(self, request, parent_context):
            environ = request.environ
            if environ["PATH_INFO"].startswith("/tenant/"):
                environ |= {"SCRIPT_NAME": "/tenant", "PATH_INFO": environ["PATH_INFO"][7:]}
                request = self.request_class(environ)
            return await super().process_request(request, parent_context)

    app = Tenants("tenants")

    @app.route("/memory", methods=["POST"])
    async def memory(ctx):
        return ctx.request.get_data()

    with serve(app).connect() as client:
        client.send(post("/tenant/memory", EXPECT, "Content-Length: 5"))
        assert client.receive_until(b"\r\n\r\n") == CONTINUE
        assert client.request(b"hello").body == b"hello"


def test_an_application_without_routes(serve):
    class Planning(Answering):
        plans_every_body = True

        def receive_head(self, environ):
            return BodyPlan(stream=True) if environ["PATH_INFO"] == "/stream" else None

    async def answer(request):
        stream = request.environ.get("kyoukai.body")
        assert isinstance(stream, BodyStream) is (request.path == "/stream")
        return Response(await stream.read() if stream is not None else request.get_data())

    with serve(Planning(answer)).connect() as client:
        assert client.request(post("/stream", body=b"one")).body == b"one"
        assert client.request(post("/other", body=b"two")).body == b"two"
        client.send(post("/stream", CHUNKED) + b"3\r\nabc\r\n")
        client.end()
        assert client.receive().status == 400
