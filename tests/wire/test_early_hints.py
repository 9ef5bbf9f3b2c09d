"""103 Early Hints: before the answer, in its place, and only to those who can have them."""

import asyncio

import httpx
import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTP1_FEATURES, Feature, Kyoukai

from ..serving import PATIENCE, Answering, message
from .test_curl import curl

pytestmark = pytest.mark.every_wire

STYLE = "</style.css>; rel=preload; as=style"
HINT = f"HTTP/1.1 103 Early Hints\r\nLink: {STYLE}\r\n\r\n".encode()


class Service:
    """An application that hints, and what it was told of each hint."""

    def __init__(self):
        self.app = Kyoukai("hints")
        self.go_on = asyncio.Event()
        self.sent = []
        self.contexts = []

        @self.app.route("/")
        async def index(ctx):
            self.hint(ctx)
            return "page"

        @self.app.route("/slow")
        async def slow(ctx):
            self.hint(ctx)
            await self.go_on.wait()
            self.hint(ctx)
            return "slow"

        @self.app.route("/thread")
        def thread(ctx):
            self.hint(ctx)
            self.hint(ctx)
            return "thread"

        @self.app.route("/wrong")
        async def wrong(ctx):
            ctx.send_early_hints([("Content-Length", "5")])

        @self.app.route("/late")
        async def late(ctx):
            def body():
                self.hint(ctx)
                yield "late"

            return Response(body())

        @self.app.route("/later")
        async def later(ctx):
            for former in [*self.contexts]:
                self.hint(former)
            return "later"

    def hint(self, ctx):
        self.contexts.append(ctx)
        self.sent.append(ctx.send_early_hints([("Link", STYLE)]))


def test_before_the_answer(serve):
    service = Service()
    with serve(service.app).connect() as client:
        for _ in range(3):
            hint = client.request(message())
            assert (hint.status, hint.reason, hint.fields) == (103, "Early Hints", {"link": STYLE})
            assert client.receive().body == b"page"
    assert service.sent == [True] * 3


def test_early_hints_are_sent_at_once_and_may_repeat(serve):
    service = Service()
    server = serve(service.app)
    with server.connect() as client:
        assert client.request(message("GET", "/slow")).status == 103
        server.call(service.go_on.set)
        assert client.receive().status == 103
        assert client.receive().body == b"slow"


def test_in_a_thread(serve):
    service = Service()
    with serve(service.app).connect() as client:
        assert client.request(message("GET", "/thread")).status == 103
        assert client.receive().status == 103
        assert client.receive().body == b"thread"
    assert service.sent == [True, True]


def test_of_pipelined_requests_in_their_order(serve):
    service = Service()
    server = serve(service.app)
    with server.connect() as client:
        client.send(message("GET", "/slow") + message() + message())
        assert client.receive().status == 103
        server.call(service.go_on.set)
        assert client.receive().status == 103
        assert client.receive().body == b"slow"
        for _ in range(2):
            assert client.receive().status == 103
            assert client.receive().body == b"page"


@pytest.mark.parametrize("path", ["/", "/slow", "/thread"])
@pytest.mark.http1
def test_never_to_http_1_0(serve, path):
    service = Service()
    service.go_on.set()
    with serve(service.app).connect() as client:
        client.send(message("GET", path, version="1.0"))
        assert client.receive_rest().startswith(b"HTTP/1.1 200 OK\r\n")
    assert not any(service.sent)


def test_not_once_the_answer_has_begun(serve):
    service = Service()
    server = serve(service.app)
    with server.connect() as client:
        assert client.request(message("GET", "/late")).body == b"late"
        # Of another request, whose context it is not.
        assert client.request(message("GET", "/later")).body == b"later"
    assert service.sent == [False, False]


def test_not_when_the_client_is_gone(serve):
    service = Service()
    server = serve(service.app)
    client = server.connect()
    assert client.request(message("GET", "/slow")).status == 103
    client.reset()
    server.wait_until_empty()
    server.call(service.go_on.set)
    server.wait_until(lambda: len(service.sent) == 2)
    assert service.sent == [True, False]


def test_a_mistake_is_the_handlers(serve, caplog):
    with serve(Service().app).connect() as client:
        assert client.request(message("GET", "/wrong")).status == 500
        assert client.request(message()).status == 103
    assert "cannot be an early hint" in caplog.text


def test_no_early_hints_for_a_client_that_does_not_read(serve):
    sent = []

    @Answering
    async def app(request):
        protocol = request.environ["kyoukai.protocol"]
        while protocol.send_early_hints({"Link": "x" * 100_000}):
            sent.append(True)
        sent.append(False)
        return Response("x")

    server = serve(app)
    client = server.connect(receive_buffer=4096)
    client.send(message())
    server.wait_until(lambda: sent and not sent[-1])
    assert sent[0]
    client.reset()


def test_not_by_a_backend_without_the_feature(serve):
    service = Service()
    server = serve(service.app)
    assert Feature.EARLY_HINTS in server.server.features
    server.server.features = HTTP1_FEATURES - {Feature.EARLY_HINTS}
    assert server.request(message()).body == b"page"
    assert service.sent == [False]


@pytest.mark.http1
def test_early_hints_as_read_by_httpx(serve):
    url = serve(Service().app).url
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        for _ in range(2):
            assert client.get(url).text == "page"


@pytest.mark.http1
def test_early_hints_as_read_by_curl(serve):
    url = serve(Service().app).url
    shown = curl("--include", url + "/")
    assert shown.startswith(HINT + b"HTTP/1.1 200 OK\r\n")
    assert shown.endswith(b"\r\n\r\npage")
    assert b"103" not in curl("--include", "--http1.0", url + "/")
