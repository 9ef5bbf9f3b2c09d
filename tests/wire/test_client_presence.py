"""What a handler can see of its client's going, and what becomes of the handler."""

import asyncio
import contextlib
import logging
import threading

import pytest
from werkzeug.wrappers import Response

from kyoukai.web import Kyoukai

from ..serving import PATIENCE, Answering, error_records, message

pytestmark = pytest.mark.every_wire


class Handling:
    """An application whose handler waits, and notes how it ended."""

    def __init__(self):
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.how = ""
        self.go_on = asyncio.Event()

    def application(self):
        @Answering
        async def app(request):
            if request.path == "/quick":
                return Response("quick")
            self.begun.set()
            try:
                await self.go_on.wait()
                self.how = "ran to its end"
            except asyncio.CancelledError:
                self.how = "cancelled"
                raise
            finally:
                self.ended.set()
            return Response("late")

        return app


@pytest.fixture
def handling():
    return Handling()


def leave_by_closing(client):
    client.socket.close()


def leave_by_reset(client):
    client.reset()


LEAVING = [leave_by_closing, leave_by_reset]


@pytest.mark.parametrize("leave", LEAVING)
def test_a_handler_runs_to_its_end_without_its_client(serve, handling, leave, caplog):
    server = serve(handling.application())
    client = server.connect()
    client.send(message())
    assert handling.begun.wait(PATIENCE)
    leave(client)
    assert server.request(message("GET", "/quick")).body == b"quick"
    server.call(handling.go_on.set)
    assert handling.ended.wait(PATIENCE)
    assert handling.how == "ran to its end"
    server.wait_until_empty()
    assert error_records(caplog) == []


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("fields", [(), ("Connection: Upgrade", "Upgrade: h2c")], ids=["plain", "upgrade"])
def test_cancel_on_disconnect_cancels_the_handler(serve, handling, leave, fields, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(handling.application(), cancel_on_disconnect=True)
    client = server.connect()
    client.send(message("GET", "/", *fields))
    assert handling.begun.wait(PATIENCE)
    leave(client)
    assert handling.ended.wait(PATIENCE)
    assert handling.how == "cancelled"
    server.wait_until_empty()
    assert error_records(caplog) == []


def test_result_of_a_cancelled_plain_handler_is_closed(serve, caplog):
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    app = Kyoukai("presence")

    @app.route("/")
    def handle(ctx):
        begun.set()
        go_on.wait(PATIENCE)
        response = Response("late")
        response.call_on_close(closed.set)
        return response

    server = serve(app, cancel_on_disconnect=True)
    client = server.connect()
    client.send(message())
    assert begun.wait(PATIENCE)
    client.reset()
    server.wait_until_empty()
    go_on.set()
    assert closed.wait(PATIENCE)
    assert error_records(caplog) == []


def test_cancel_on_disconnect_takes_an_end_for_a_disconnect(serve, handling):
    server = serve(handling.application(), cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message())
        assert handling.begun.wait(PATIENCE)
        client.end()
        assert handling.ended.wait(PATIENCE)
        assert client.receive_rest() == b""
    assert handling.how == "cancelled"


@pytest.mark.parametrize("leave", ["end", "reset"])
def test_cancel_on_disconnect_cancels_once(serve, leave):
    """A handler may clean up in peace."""
    begun, ended, cancelled = asyncio.Event(), asyncio.Event(), []

    @Answering
    async def app(request):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("first")
            try:
                # The connection is lost meanwhile.
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                cancelled.append("second")
            raise
        finally:
            ended.set()

    server = serve(app, cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message())
        server.wait_until(begun.is_set)
        client.end() if leave == "end" else client.reset()
        server.wait_until(ended.is_set)
    assert cancelled == ["first"]


def test_cancel_on_disconnect_and_a_client_that_ends_after_reading_all(serve):
    """asyncio's transport loses its connection before the abort that the client's end asks for."""

    async def endless():
        while True:
            yield bytes(16 * 1024)

    @Answering
    async def app(request):
        return Response(endless())

    server = serve(app, cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: server.server.connections and server.connection.is_paused)

        def take_all_and_end():
            # In the loop's thread: the loop learns of both together.
            client.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while client.socket.recv(1024 * 1024):
                    pass
            client.end()

        server.call(take_all_and_end)
        server.wait_until_empty()


def test_cancel_on_disconnect_leaves_an_answered_client_alone(serve, handling):
    server = serve(handling.application(), cancel_on_disconnect=True)
    with server.connect() as client:
        for _ in range(3):
            assert client.request(message("GET", "/quick")).body == b"quick"
        client.end()
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("fields", [(), ("Connection: Upgrade", "Upgrade: h2c")], ids=["plain", "upgrade"])
def test_the_context_tells(serve, leave, fields):
    seen = []
    begun, ended = threading.Event(), threading.Event()
    app = Kyoukai("presence")

    @app.route("/")
    async def handle(ctx):
        seen.append((ctx.client_ended, ctx.client_gone))
        begun.set()
        waiting = asyncio.ensure_future(ctx.wait_client_ended())
        await asyncio.sleep(0)
        waiting.cancel()
        await ctx.wait_client_ended()
        seen.append(ctx.client_ended)
        await ctx.wait_client_ended()
        ended.set()
        return "unread"

    server = serve(app)
    client = server.connect()
    client.send(message("GET", "/", *fields))
    assert begun.wait(PATIENCE)
    leave(client)
    assert ended.wait(PATIENCE)
    assert seen == [(False, False), True]
    server.wait_until_empty()


def test_the_context_tells_a_lost_client_from_one_that_ended_its_side(serve):
    seen = {}
    app = Kyoukai("presence")
    begun = threading.Event()

    @app.route("/")
    async def handle(ctx):
        begun.set()
        await ctx.wait_client_ended()
        seen["gone"] = ctx.client_gone
        return "still here"

    with serve(app).connect() as client:
        client.send(message())
        assert begun.wait(PATIENCE)
        client.end()
        assert client.receive().body == b"still here"
    assert seen == {"gone": False}


def test_pipelined_requests_behind_an_offered_upgrade_are_served_after_an_end(serve):
    """The client's end comes while what it sent before waits unread."""
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        if request.path == "/first":
            await go_on.wait()
        return Response(request.path)

    server = serve(app)
    with server.connect() as client:
        client.send(
            message("GET", "/first", "Connection: Upgrade", "Upgrade: h2c") + message("GET", "/second")
        )
        client.end()
        server.wait_until(lambda: server.server.connections and server.connection.client_ended)
        server.call(go_on.set)
        assert [client.receive().body, client.receive().body] == [b"/first", b"/second"]
        assert client.receive_rest() == b""


@pytest.mark.http1
def test_bytes_after_an_upgrade_offer_are_not_buffered_without_bound(serve):
    go_on = asyncio.Event()

    @Answering
    async def app(request):
        await go_on.wait()
        return Response(str(len(request.get_data())))

    server = serve(app)
    body = bytes(10_000_000)
    with server.connect() as client:
        client.send(message("GET", "/", "Connection: Upgrade", "Upgrade: h2c"))
        server.wait_until(lambda: server.server.connections and server.connection.queue.waiting)
        sender = threading.Thread(target=client.send, args=(message("POST", body=body),), daemon=True)
        sender.start()
        server.wait_until(lambda: not server.connection.transport.is_reading())
        assert len(server.connection.reader.buffer) < 1_000_000
        server.call(go_on.set)
        assert [client.receive().body, client.receive().body] == [b"0", b"10000000"]
        sender.join(PATIENCE)


@pytest.mark.parametrize("stage", ["handler", "closing"])
def test_cancelled_body_is_closed(serve, stage, tmp_path):
    """An upload's file, and what an application asked to be called."""
    closed, begun = [], threading.Event()

    class Body:
        def __aiter__(self):
            return self

        async def __anext__(self):
            begun.set()
            return bytes(65536)

        async def aclose(self):
            await asyncio.sleep(60)

    @Answering
    async def app(request):
        file = request.files["file"]
        close = file.stream.close
        file.stream.close = lambda: (closed.append("file"), close())[1]
        if stage == "handler":
            begun.set()
            await asyncio.sleep(60)
        response = Response(Body())
        response.call_on_close(lambda: closed.append("response"))
        return response

    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        + bytes(1000)
        + b"\r\n--x--\r\n"
    )
    server = serve(app, cancel_on_disconnect=True, limits={"shutdown_timeout": 0.2})
    client = server.connect()
    client.send(message("POST", "/", "Content-Type: multipart/form-data; boundary=x", body=body))
    assert begun.wait(PATIENCE)
    client.reset()
    server.wait_until_empty()
    if stage == "closing":
        server.stop()
    else:
        server.wait_until(lambda: closed)
    assert closed == (["file"] if stage == "handler" else ["response", "file"])


@pytest.mark.http1
def test_handing_over_a_lost_connection_is_not_a_fault(serve, caplog):
    begun = threading.Event()
    go_on = asyncio.Event()
    ended = threading.Event()

    class Other(asyncio.Protocol):
        pass

    app = Kyoukai("handing over")

    @app.route("/")
    async def handle(ctx):
        begun.set()
        await go_on.wait()
        ended.set()
        ctx.environ["kyoukai.protocol"].replace(Other)

    server = serve(app)
    client = server.connect()
    client.send(message())
    assert begun.wait(PATIENCE)
    client.reset()
    server.wait_until_empty()
    server.call(go_on.set)
    assert ended.wait(PATIENCE)
    server.stop()
    assert error_records(caplog) == []
