"""Server-sent events: each leaves at once, and what yields them ends with the client."""

import asyncio

import pytest

from kyoukai import Kyoukai, ServerSentEvent, event_stream, last_event_id

from ..serving import PATIENCE, error_records, message

pytestmark = pytest.mark.every_wire


class Service:
    """An application that sends what is put into a queue, and what became of its generators."""

    def __init__(self, heartbeat=None, **options):
        self.app = Kyoukai("events")
        self.queue = asyncio.Queue()
        self.begun = []
        self.ended = []

        @self.app.route("/")
        async def index(ctx):
            return event_stream(ctx, self.events(last_event_id(ctx)), heartbeat=heartbeat, **options)

    async def events(self, last):
        self.begun.append(last)
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        else:
            self.ended.append("done")


def chunk(client):
    size = int(client.receive_until(b"\r\n"), 16)
    data = client.receive_exactly(size)
    assert client.receive_exactly(2) == b"\r\n"
    return data


def test_each_event_leaves_at_once(serve):
    service = Service(retry=500)
    server = serve(service.app)
    with server.connect() as client:
        client.send(message("GET", "/", "Last-Event-ID: caf\xc3\xa9"))
        # The head is there before there is any event.
        head = client.receive_head()
        assert (head.status, head.fields["content-type"]) == (200, "text/event-stream")
        assert head.fields["transfer-encoding"] == "chunked"
        assert head.fields["cache-control"] == "no-store"
        assert chunk(client) == b"retry: 500\n\n"
        for number in range(3):
            server.call(service.queue.put_nowait, ServerSentEvent({"n": number}, "tick", str(number)))
            assert chunk(client) == b'event: tick\nid: %d\ndata: {"n":%d}\n\n' % (number, number)
        server.call(service.queue.put_nowait, None)
        assert chunk(client) == b""
        assert (service.begun, service.ended) == (["café"], ["done"])
        # The connection goes on.
        assert client.request(message("GET", "/nothing")).status == 404


@pytest.mark.parametrize("way", ["close", "reset", "end"])
@pytest.mark.parametrize("has_begun", [True, False])
def test_the_client_goes(serve, way, has_begun, caplog):
    service = Service()
    server = serve(service.app)
    client = server.connect()
    client.send(message())
    client.receive_head()
    server.wait_until(lambda: service.begun)
    if has_begun:
        server.call(service.queue.put_nowait, "x")
        assert chunk(client) == b"data: x\n\n"
    if way == "reset":
        client.reset()
    elif way == "close":
        client.socket.close()
    else:
        client.end()
        assert client.receive_rest() == b"0\r\n\r\n"
        client.socket.close()
    server.wait_until(lambda: service.ended)
    assert service.ended == ["CancelledError"]
    server.wait_until_empty()
    assert error_records(caplog) == []


def test_heartbeats(serve):
    service = Service(heartbeat=0.01)
    server = serve(service.app)
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        for _ in range(3):
            assert chunk(client) == b":\n\n"
    server.wait_until(lambda: service.ended)


def test_no_events_are_made_for_a_client_that_reads_nothing(serve):
    app = Kyoukai("events")
    made = []
    closed = []

    async def events():
        try:
            while True:
                made.append(1)
                yield "x" * 100_000
        finally:
            closed.append(1)

    @app.route("/")
    async def index(ctx):
        return event_stream(ctx, events())

    server = serve(app)
    client = server.connect(receive_buffer=4096)
    client.send(message())
    client.receive_head()
    # As much as asyncio lets be written before it asks to wait.
    server.wait_until(lambda: server.connection.transport.get_write_buffer_size() > 65536)
    count = server.call(lambda: len(made))
    for _ in range(5):
        server.call(lambda: None)
    assert server.call(lambda: len(made)) <= count + 1
    client.reset()
    server.wait_until(lambda: closed)


def test_head(serve):
    service = Service()
    with serve(service.app).connect() as client:
        assert client.request(message("HEAD"), "HEAD").fields["content-type"] == "text/event-stream"
        assert client.request(message("GET", "/nothing")).status == 404
    assert service.begun == []


@pytest.mark.http1
def test_http_1_0(serve):
    service = Service()
    server = serve(service.app)
    with server.connect() as client:
        client.send(message(version="1.0"))
        client.receive_head()
        server.call(service.queue.put_nowait, "x")
        server.call(service.queue.put_nowait, None)
        assert client.receive_rest() == b"data: x\n\n"


@pytest.mark.parametrize("heartbeat", [None, 0.01])
@pytest.mark.http1
def test_a_server_that_stops_ends_it(serve, heartbeat, caplog):
    service = Service(heartbeat=heartbeat)
    # It would wait longer than the test does.
    server = serve(service.app, limits={"shutdown_timeout": 10 * PATIENCE})
    with server.connect() as client, server.connect() as other:
        for each in (client, other):
            each.send(message())
            each.receive_head()
        server.wait_until(lambda: len(service.begun) == 2)
        server.begin_stop()
        assert client.receive_rest().endswith(b"0\r\n\r\n")
        assert other.receive_rest().endswith(b"0\r\n\r\n")
        server.stop()
    assert service.ended == ["CancelledError"] * 2
    assert "cutting off" not in caplog.text


def test_an_event_that_cannot_be_sent_cuts_it(serve, caplog):
    service = Service()
    server = serve(service.app)
    with server.connect() as client:
        client.send(message())
        client.receive_head()
        server.call(service.queue.put_nowait, 5)
        assert client.receive_rest() == b""
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]
