"""What a request has of its client where a trusted proxy names it."""

from typing import Any

from werkzeug.wrappers import Response

from kyoukai.core.connection.connection import Unnamed
from kyoukai.core.semantics.forwarding import UNNAMED, Forwarding
from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from tests.core.wires import MemoryExchange, MemoryOwner, PlanningApp, head, run, turns

FIELD = (b"x-forwarded-for", b"203.0.113.7")


def owner(**others: Any) -> MemoryOwner:
    """Return what exchanges share of a connection whose peer is trusted."""
    proxies = TrustedProxies(["192.0.2.1"])
    return MemoryOwner(
        PlanningApp(lambda request: Response(b"hello")),
        proxies=proxies,
        forwarding=Forwarding(proxies, "x-forwarded"),
        **others,
    )


def test_the_application_and_the_log_see_the_client() -> None:
    async def main() -> None:
        shared = owner()
        exchange = MemoryExchange(shared)
        exchange.receive(head("POST", FIELD, body_size=2))
        exchange.receive_body(b"ab")
        exchange.receive_end()
        await turns()
        [planned], [request] = shared.app.asked, shared.app.requests
        assert planned["REMOTE_ADDR"] == request.remote_addr == "203.0.113.7"
        assert exchange.client_environ["REMOTE_ADDR"] == "203.0.113.7"
        # What the requests share is as it was.
        assert shared.environ["REMOTE_ADDR"] == exchange.environ["REMOTE_ADDR"] == "192.0.2.1"

    run(main)


def test_refused_head_names_no_client() -> None:
    async def main() -> None:
        exchange = MemoryExchange(owner())
        exchange.receive(head("GET", FIELD, target=b"no target"))
        assert exchange.status == 400
        assert exchange.client_environ is exchange.environ

    run(main)


def test_no_proxy_is_trusted_by_default() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.receive(head("GET", FIELD))
        await turns()
        assert exchange.client_environ is exchange.environ
        assert exchange.owner.app.requests[0].remote_addr == "192.0.2.1"

    run(main)


def test_trusted_proxies_of_a_server() -> None:
    async def main() -> None:
        server = owner().server
        assert server.trusts_peer({"REMOTE_ADDR": "192.0.2.1"})
        assert not server.trusts_peer({"REMOTE_ADDR": "192.0.2.1", UNNAMED: True})
        assert not server.trusts_peer({"REMOTE_ADDR": "192.0.2.2"})
        assert not server.trusts_peer({})
        assert not MemoryOwner().server.trusts_peer({"REMOTE_ADDR": "192.0.2.1"})
        assert not Unnamed()

    run(main)
