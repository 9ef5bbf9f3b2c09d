"""The examples of the page on WebSockets do what they are shown for, by every backend."""

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .exported.peers import COMPRESSION, FRAGMENTS, HANDSHAKE_FIELDS, REFUSALS
from .serving import PATIENCE, Running

pytestmark = pytest.mark.every_backend


class Example:
    """The application of an example, served."""

    def __init__(self, server: Running, module: ModuleType) -> None:
        self.server = server
        self.module = module

    def refused(self, status: int) -> int:
        """Return the status that comes of the application's refusal with one."""
        return 403 if REFUSALS in self.server.lacks else status

    @contextlib.contextmanager
    def open(self, target: str, **options: Any) -> Iterator[ClientConnection]:
        """Open a WebSocket while the block runs."""
        url = self.server.url.replace("http", "ws", 1) + target
        with connect(url, proxy=None, open_timeout=PATIENCE, close_timeout=PATIENCE, **options) as client:
            yield client

    def refusal(self, target: str, **options: Any) -> int:
        """Return the status that a WebSocket is refused with."""
        with pytest.raises(InvalidStatus) as caught, self.open(target, **options):
            pass
        return caught.value.response.status_code

    def request(self, method: str, target: str, **options: Any) -> httpx.Response:
        """Send a request of another kind."""
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE, trust_env=False) as client:
            return client.request(method, target, **options)


@pytest.fixture
def example(example_server: Any) -> Any:
    """Serve the application of an example by each server, until the test's end."""

    def start(name: str) -> Example:
        return Example(*example_server(f"docs/{name}.py"))

    return start


def closing(client: ClientConnection) -> tuple[int, str]:
    """Wait for the close, whatever comes before, and return its code and reason."""
    with pytest.raises(ConnectionClosed) as caught:
        receive_all(client)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def receive_all(client: ClientConnection) -> None:
    while True:
        client.recv(PATIENCE)


@pytest.mark.parametrize("backend", [None, "httptools"])
def test_the_tests_of_an_application(load: Any, kyoukai_client: Any, backend: str | None) -> None:
    module = load("docs/testing_websockets.py")
    module.test_shout(kyoukai_client, backend)
    module.test_pages_of_others(kyoukai_client)


def test_an_echo(example: Any) -> None:
    with example("websocket_echo").open("/echo") as client:
        for message in ("hello", "", "\U0001f375", b"\0\xff", b"", "x" * 100_000):
            client.send(message)
            assert client.recv(PATIENCE) == message


def test_other_requests_to_a_websocket_route(example: Any) -> None:
    answer = example("websocket_echo").request("GET", "/echo")
    assert answer.status_code == 426
    assert (answer.headers["upgrade"], answer.headers["sec-websocket-version"]) == ("websocket", "13")


def test_unauthorized_client_is_refused(example: Any) -> None:
    news = example("websocket_accept")
    assert news.refusal("/news/weather") == news.refused(401)
    assert news.refusal("/nothing") == news.refused(404)
    cookie = {"Cookie": login(news)}
    assert news.refusal("/news/gossip", additional_headers=cookie) == news.refused(404)
    assert news.refusal("/news/weather", additional_headers=cookie, origin="http://example.org") == 403


def login(news: Example) -> str:
    """Return the cookie of somebody who is logged in."""
    answer = news.request("POST", "/login", data={"name": "Ada"})
    return str(answer.headers["set-cookie"].partition(";")[0])


@pytest.mark.parametrize(
    ("offered", "chosen", "message"),
    [
        (["news.v1", "news.v2"], "news.v2", '{"topic":"weather","text":"rain"}'),
        (["news.v3", "news.v1"], "news.v1", "rain"),
        (["news.v3"], None, "rain"),
        (None, None, "rain"),
    ],
)
def test_subprotocol_and_fields_of_the_handshake(
    example: Any, offered: list[str] | None, chosen: str | None, message: str
) -> None:
    news = example("websocket_accept")
    cookie = {"Cookie": login(news)}
    with news.open("/news/weather", additional_headers=cookie, subprotocols=offered) as client:
        assert client.subprotocol == chosen
        if HANDSHAKE_FIELDS not in news.server.lacks:
            assert client.response.headers["X-Topic"] == "weather"
            # What the handler has put into the session before it has accepted.
            assert client.response.headers["Set-Cookie"] != cookie["Cookie"]
        assert client.recv(PATIENCE) == message
        assert closing(client) == (1000, "")


def test_json(example: Any) -> None:
    with example("websocket_json").open("/sums") as client:
        client.send("[1, 2, 3.5]")
        assert client.recv(PATIENCE) == '{"sum":6.5}'
        for wrong in ("[1, 2", "{}{}", '["a"]', "7", b"\xff", "[" * 4000):
            client.send(wrong)
            assert client.recv(PATIENCE) == '{"error":"this is no list of numbers"}'
        for _ in range(93):
            client.send("[]")
            assert client.recv(PATIENCE) == '{"sum":0}'
        assert closing(client) == (4000, "that is enough")


def test_a_message_above_the_limit_of_the_route(example: Any) -> None:
    with example("websocket_json").open("/sums") as client:
        client.send(" " * 4095 + "7")
        client.recv(PATIENCE)
        client.send(" " * 4096 + "7")
        assert closing(client)[0] == 1009


@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_message_in_fragments(example: Any, compression: str | None) -> None:
    report = example("websocket_fragments")
    lacks = report.server.lacks
    with report.open("/report", compression=compression) as client:
        fields = client.response.headers.get("Sec-WebSocket-Extensions", "")
        assert ("permessage-deflate" in fields) is (compression is not None and COMPRESSION not in lacks)
        pieces = list(client.recv_streaming())
        lines = "".join(map(str, pieces)).splitlines()
        assert (lines[0], lines[-1]) == ("number,square", "999,998001")
        assert len(lines) == 1001
        assert len(pieces) == (1 if FRAGMENTS in lacks else 1001)
        assert closing(client) == (1000, "")


def test_a_broadcast(example: Any) -> None:
    prices = example("websocket_broadcast")
    with prices.open("/prices") as one, prices.open("/prices") as other:
        prices.server.wait_until(lambda: len(prices.module.listeners) == 2)
        assert prices.request("POST", "/prices", data={"price": "7"}).status_code == 204
        assert (one.recv(PATIENCE), other.recv(PATIENCE)) == ("7", "7")
        other.close()
        prices.server.wait_until(lambda: len(prices.module.listeners) == 1)
        prices.request("POST", "/prices", data={"price": "8"})
        assert one.recv(PATIENCE) == "8"


def test_broadcast_does_not_wait_for_slow_clients(example: Any) -> None:
    prices = example("websocket_broadcast")
    price = "9" * 100_000
    # Compressed, a hundred thousand nines are nothing.
    slowly: dict[str, Any] = {"max_queue": 1, "compression": None}
    with prices.open("/prices") as one, prices.open("/prices", **slowly) as slow:
        prices.server.wait_until(lambda: len(prices.module.listeners) == 2)
        # How much the buffers on the way hold is the system's affair: some megabytes.
        while prices.server.call(len, prices.module.listeners) == 2:
            prices.request("POST", "/prices", data={"price": price})
            assert one.recv(PATIENCE) == price
        assert closing(slow) == (1013, "you read too slowly")
        prices.request("POST", "/prices", data={"price": "10"})
        assert one.recv(PATIENCE) == "10"


def test_tasks(example: Any, caplog: pytest.LogCaptureFixture) -> None:
    stopwatch = example("websocket_tasks")
    with stopwatch.open("/stopwatch") as client:
        assert [client.recv(PATIENCE) for _ in range(3)] == ["1", "2", "3"]
        client.send("go on")
        client.send("stop")
        assert closing(client) == (1000, "")
    with stopwatch.open("/stopwatch") as client:
        assert client.recv(PATIENCE) == "1"
    stopwatch.server.wait_until_empty()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_route_group(example: Any) -> None:
    doors = example("websocket_group")
    with doors.open("/front/knocks") as front, doors.open("/back/knocks") as back:
        assert (front.recv(PATIENCE), back.recv(PATIENCE)) == ("0", "0")
        for number in ("1", "2"):
            doors.request("POST", "/front/knock")
            assert front.recv(PATIENCE) == number
        doors.request("POST", "/back/knock")
        assert back.recv(PATIENCE) == "1"
