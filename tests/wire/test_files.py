"""Files as answers: by the kernel's sendfile where system and transport have it, else in blocks."""

import asyncio
import io
import os

import pytest
from werkzeug.utils import send_file
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from kyoukai.core.http1.protocol import HTTPProtocol

from ..serving import Answering, error_records, message

pytestmark = pytest.mark.every_wire

SIZE = 3_000_001


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


def sending(path, **options):
    @Answering
    async def app(request):
        return send_file(path, request.environ, **options)

    return app


def test_send_file(serve, file):
    with serve(sending(file)).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert answer.fields["content-length"] == str(SIZE)
            assert answer.body == file.read_bytes()


def test_head(serve, file):
    with serve(sending(file)).connect() as client:
        for _ in range(2):
            answer = client.request(message("HEAD"), "HEAD")
            assert (answer.status, answer.fields["content-length"]) == (200, str(SIZE))


def test_a_range(serve, file):
    with serve(sending(file, conditional=True)).connect() as client:
        for _ in range(2):
            answer = client.request(message("GET", "/", "Range: bytes=1000-500999"))
            assert (answer.status, answer.body) == (206, file.read_bytes()[1000:501000])


def test_not_modified(serve, file):
    with serve(sending(file, conditional=True)).connect() as client:
        etag = client.request(message()).fields["etag"]
        assert client.request(message("GET", "/", f"If-None-Match: {etag}")).status == 304
        assert client.request(message()).status == 200


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("start", [0, 1000])
def test_wrap_file(serve, file, declared, start):
    @Answering
    async def app(request):
        opened = open(file, "rb")  # noqa: ASYNC230, SIM115
        opened.seek(start)
        response = Response(wrap_file(request.environ, opened), direct_passthrough=True)
        if declared:
            response.content_length = SIZE - start
        return response

    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message())
            assert answer.body == file.read_bytes()[start:]
            assert ("content-length" in answer.fields) is declared


def test_no_more_is_sent_than_declared(serve, file):
    @Answering
    async def app(request):
        opened = open(file, "rb")  # noqa: ASYNC230, SIM115
        response = Response(wrap_file(request.environ, opened), direct_passthrough=True)
        response.content_length = 1000
        return response

    with serve(app).connect() as client:
        client.send(message())
        client.receive_head()
        client.end()
        # Whether the connection is cut then is the loop's: the kernel is asked for no more.
        assert file.read_bytes()[:1000].startswith(client.receive_rest())


def test_a_file_that_shrank_cuts_the_connection(serve, file, caplog):
    @Answering
    async def app(request):
        opened = open(file, "rb")  # noqa: ASYNC230, SIM115
        response = Response(wrap_file(request.environ, opened), direct_passthrough=True)
        response.content_length = SIZE + 5
        return response

    with serve(app).connect() as client:
        client.send(message())
        client.receive_head()
        assert client.receive_rest() == file.read_bytes()
    assert [record.name for record in error_records(caplog)] == ["kyoukai.protocol"]


def test_a_file_in_memory(serve):
    @Answering
    async def app(request):
        return send_file(io.BytesIO(b"x" * 300_000), request.environ, mimetype="text/plain")

    assert serve(app).request(message()).body == b"x" * 300_000


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_file_is_closed(serve, file, method):
    opened = []

    @Answering
    async def app(request):
        opened.append(open(file, "rb"))  # noqa: ASYNC230, SIM115
        return Response(wrap_file(request.environ, opened[-1]), direct_passthrough=True)

    server = serve(app)
    with server.connect() as client:
        client.request(message(method), method)
        server.wait_until(lambda: opened[0].closed)


def test_after_half_a_file_the_client_goes_away(serve, file, caplog):
    opened = []

    @Answering
    async def app(request):
        with file.open("r+b") as growing:
            growing.truncate(200 * 1024 * 1024)
        opened.append(open(file, "rb"))  # noqa: ASYNC230, SIM115
        response = Response(wrap_file(request.environ, opened[-1]), direct_passthrough=True)
        response.content_length = 200 * 1024 * 1024
        return response

    server = serve(app)
    client = server.connect(receive_buffer=65536)
    client.send(message())
    client.receive_exactly(100_000)
    client.reset()
    server.wait_until_empty()
    server.wait_until(lambda: opened[0].closed)
    assert error_records(caplog) == []


def test_pipelined_files(serve, file):
    with serve(sending(file)).connect() as client:
        client.send(message() * 3)
        for _ in range(3):
            assert client.receive().body == file.read_bytes()


@pytest.mark.http1
def test_transport_wrapper_sees_a_file(serve, file, monkeypatch):
    seen = []

    class Watched:
        def __init__(self, transport):
            self.transport = transport

        def __getattr__(self, name):
            return getattr(self.transport, name)

        @property
        def _sendfile_compatible(self):
            raise asyncio.SendfileNotAvailableError

        def write(self, data):
            seen.append(len(data))
            self.transport.write(data)

    connection_made = HTTPProtocol.connection_made
    monkeypatch.setattr(
        HTTPProtocol, "connection_made", lambda self, transport: connection_made(self, Watched(transport))
    )
    assert serve(sending(file)).request(message()).body == file.read_bytes()
    assert sum(seen) > SIZE


def test_pipelined_behind_a_file(serve, file):
    with serve(sending(file)).connect() as client:
        client.send(message() * 3)
        for _ in range(3):
            assert client.receive().body == file.read_bytes()
