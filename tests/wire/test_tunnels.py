"""Going on with another protocol: what the client offers, and what is answered where it does not."""

import asyncio
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kyoukai import HTTP1_FEATURES, Exchange, Feature, send_answer
from kyoukai.core.semantics.serialize import InvalidResponseError

from ..serving import Answering, message

BAD_FIELDS = {"/value": ("X-Room", "1\r\n2"), "/name": ("X Room", "1")}

OFFER = ("Connection: Upgrade", "Upgrade: other/1, Echo")


class Echo(asyncio.Protocol):
    """Sends back what it gets, in capitals, and closes after a full stop."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())
        if data.endswith(b"."):
            self.transport.close()


class Lower:
    """An application of the lower form that opens a tunnel where it can."""

    async def process_exchange(self, exchange: Exchange, parent_context: Any) -> None:
        if exchange.open_tunnel("echo", [("X-Room", "1")], Echo) is None:
            await send_answer(exchange, "426 Upgrade Required", [("Upgrade", "echo")], b"echo only")


@Answering
async def upper(request: Request) -> Response:
    protocol = request.environ["kyoukai.protocol"]
    if request.path in BAD_FIELDS:
        try:
            protocol.open_tunnel("echo", [BAD_FIELDS[request.path]], Echo)
        except InvalidResponseError:
            return Response("refused")
    if protocol.open_tunnel("echo", [("X-Room", "1")], Echo) is not None:
        return Response("nobody sees this")
    return Response("echo only", 426, {"Upgrade": "echo"})


@pytest.fixture(params=[Lower(), upper], ids=["lower form", "Werkzeug form"])
def app(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_tunnel(serve: Any, app: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(app)
    with server.connect() as client:
        # Bytes of the other protocol may come along with the request.
        client.send(message("GET", "/", *OFFER) + b"early ")
        head = client.receive_head()
        assert head.status == 101
        assert {"upgrade": "echo", "connection": "Upgrade", "x-room": "1"}.items() <= head.fields.items()
        assert client.receive_until(b"EARLY ") == b"EARLY "
        client.send(b"late.")
        assert client.receive_rest() == b"LATE."
    server.wait_until_empty()


@pytest.mark.parametrize(
    "request_",
    [
        message("GET", "/"),
        message("GET", "/", "Connection: Upgrade", "Upgrade: other"),
        message("GET", "/", "Upgrade: echo"),
    ],
    ids=["none offered", "another offered", "no connection option"],
)
def test_a_request_that_is_answered_instead(serve: Any, app: Any, request_: bytes) -> None:
    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(request_)
            assert (answer.status, answer.body) == (426, b"echo only")
            # The connection goes on, and the client is told what to go on with.
            assert (answer.fields["upgrade"], answer.fields["connection"]) == ("echo", "Upgrade")


def test_a_backend_that_does_not_claim_tunnels(serve: Any, app: Any) -> None:
    server = serve(app)
    server.server.features = HTTP1_FEATURES - {Feature.TUNNEL}
    with server.connect() as client:
        answer = client.request(message("GET", "/", *OFFER))
        assert (answer.status, answer.body) == (426, b"echo only")


def test_failing_protocol_factory_opens_nothing(serve: Any) -> None:
    def fail() -> Echo:
        raise RuntimeError("no luck today")

    @Answering
    async def app(request: Request) -> Response:
        with pytest.raises(RuntimeError):
            request.environ["kyoukai.protocol"].open_tunnel("echo", [], fail)
        return Response("answered")

    with serve(app).connect() as client:
        assert client.request(message("GET", "/", *OFFER)).body == b"answered"


@pytest.mark.parametrize("path", BAD_FIELDS)
def test_unsendable_field_opens_nothing(serve: Any, path: str) -> None:
    with serve(upper).connect() as client:
        assert client.request(message("GET", path, *OFFER)).body == b"refused"


def test_a_tunnel_at_a_stop(serve: Any, app: Any) -> None:
    """It is no connection of the server's any more: whoever made it closes it."""
    server = serve(app)
    with server.connect() as client:
        client.send(message("GET", "/", *OFFER))
        assert client.receive_head().status == 101
        server.begin_stop()
        client.send(b"still here.")
        assert client.receive_rest() == b"STILL HERE."
