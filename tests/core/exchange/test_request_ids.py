"""The id of a request: made here, or taken of a proxy that is trusted."""

from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.exchange.request_ids import make_id, named, request_id, request_id_of
from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.core.serving.server_state import Server
from tests.core.wires import MemoryExchange, MemoryOwner, head, run


class Trusting(Server):
    """A server whose peers are trusted."""

    def trusts_peer(self, environ: dict[str, Any]) -> bool:
        return True


def connection(server: Server) -> Any:
    return SimpleNamespace(server=server, environ={})


def environ(sent: str, server: Server) -> dict[str, Any]:
    return {"HTTP_X_REQUEST_ID": sent, "kyoukai.protocol": connection(server)}


def test_an_id_is_made_of_the_time_and_at_random() -> None:
    first, second = make_id(), make_id()
    assert len(first) == len(second) == 32
    assert int(first, 16) != int(second, 16)
    assert first[:8] <= second[:8]


def test_an_id_is_made_once() -> None:
    variables: dict[str, Any] = {}
    made = request_id(variables)
    assert request_id(variables) == made
    assert named(variables) == f" (request id {made})"


def test_the_id_of_a_trusted_proxy_is_taken() -> None:
    assert request_id(environ("a-B_1.2:3/4+5=6@7~", Trusting())) == "a-B_1.2:3/4+5=6@7~"
    assert request_id(environ("x" * 128, Trusting())) == "x" * 128


@pytest.mark.parametrize(
    "sent", ["", "two ids", 'quo"te', "line\nbreak", "é", "a,b", "x" * 129, "{x}", "%s", "<b>"]
)
def test_invalid_id_is_not_used(sent: str) -> None:
    made = request_id(environ(sent, Trusting()))
    assert made != sent
    assert len(made) == 32


def test_id_of_an_untrusted_peer_is_not_used() -> None:
    assert request_id(environ("mine", Server())) != "mine"
    assert request_id({"HTTP_X_REQUEST_ID": "mine"}) != "mine"


def test_the_protocol_of_an_environ_may_be_an_exchange() -> None:
    exchange = SimpleNamespace(owner=connection(Server()), server=Trusting(), environ={})
    assert request_id({"HTTP_X_REQUEST_ID": "mine", "kyoukai.protocol": exchange}) == "mine"


def test_trust_follows_the_environ_of_the_exchange() -> None:
    class Carried(MemoryExchange):
        """One of several that a connection to a web server carries, each of a client of its own."""

        client = ""

        @property
        def environ(self) -> dict[str, Any]:
            return {"REMOTE_ADDR": self.client}

    async def main() -> None:
        owner = MemoryOwner(proxies=TrustedProxies(["192.0.2.1"]))
        owner.environ = {"REMOTE_ADDR": "192.0.2.1"}
        for client, is_taken in (("192.0.2.1", True), ("198.51.100.66", False)):
            exchange = Carried(owner)
            exchange.client = client
            exchange.head = head("GET", (b"X-Request-Id", b"mine"))
            assert (exchange.request_id == "mine") is is_taken
            environ = {"HTTP_X_REQUEST_ID": "mine", "kyoukai.protocol": exchange}
            assert (request_id(environ) == "mine") is is_taken

    run(main)


def test_the_id_of_an_exchange() -> None:
    async def main() -> None:
        owner = MemoryOwner()
        owner.server = Trusting()
        exchange, twice, none = (MemoryExchange(owner) for _ in range(3))
        exchange.head = head("GET", (b"X-Request-Id", b"mine"))
        twice.head = head("GET", (b"x-request-id", b"a"), (b"x-request-id", b"b"))
        assert exchange.request_id == "mine"
        assert len(twice.request_id) == len(none.request_id) == 32
        assert none.request_id == none.request_id
        assert request_id_of(exchange, None) == "mine"
        request: Any = SimpleNamespace(environ={"kyoukai.request_id": "its"})
        assert request_id_of(exchange, request) == "its"

    run(main)
