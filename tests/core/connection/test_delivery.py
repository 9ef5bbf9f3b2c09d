"""What a socket tells about a client that takes what was written, or does not."""

import asyncio
import socket
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.connection import delivery
from kyoukai.core.connection.delivery import held_size, is_full, may_hold, measure_backlog, queued_size

from ...serving import PATIENCE
from ..wires import fill, receive


class OverSocket(asyncio.Transport):
    """A transport that writes to a socket.

    :param below: attributes of asyncio's protocol of TLS.
    """

    def __init__(self, sock: Any, **below: Any) -> None:
        super().__init__({"socket": sock})
        self.buffered = 0
        if below:
            self._ssl_protocol = SimpleNamespace(**below)

    def get_write_buffer_size(self) -> int:
        return self.buffered


@pytest.fixture(params=["TCP", "Unix"])
def pair(request: pytest.FixtureRequest) -> Any:
    """Our end of a connection that does not wait, and the client's."""
    if request.param == "Unix":
        ours, client = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
    with ours, client:
        ours.setblocking(False)
        client.settimeout(PATIENCE)
        yield ours, client


def test_is_full_until_the_client_has_read(pair: Any) -> None:
    ours, client = pair
    transport = OverSocket(ours)
    assert not is_full(transport)
    size = fill(ours)
    assert is_full(transport)
    receive(client, size)
    assert not is_full(transport)
    ours.close()
    assert not is_full(transport)
    assert not is_full(OverSocket(None))


def test_is_never_full_where_nothing_tells(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = pair
    fill(ours)
    monkeypatch.delattr("select.poll")
    assert not is_full(OverSocket(ours))


def test_transport_over_tls_holds_what_the_one_below_holds(pair: Any) -> None:
    ours, _ = pair
    fill(ours)
    below = SimpleNamespace(get_write_buffer_size=lambda: below_size)
    transport = OverSocket(ours, _transport=below)
    below_size = 100
    assert held_size(transport) == 100
    assert may_hold(transport)
    below_size = 0
    assert not may_hold(transport)
    transport.buffered = 7
    assert held_size(transport) == 7
    assert may_hold(transport)


def test_transport_that_does_not_tell_of_the_one_below_may_hold_data_while_the_system_is_full(
    pair: Any,
) -> None:
    ours, client = pair
    transport = OverSocket(ours)
    assert not may_hold(transport)
    size = fill(ours)
    assert (held_size(transport), may_hold(transport)) == (0, True)
    receive(client, size)
    assert not may_hold(transport)


def test_tunnel_holds_nothing_of_its_own() -> None:
    transport = OverSocket(None)
    transport.buffered = 1000
    assert not may_hold(transport)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait: a system may acknowledge a little later."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline


def test_backlog_falls_with_what_the_client_takes(pair: Any) -> None:
    ours, client = pair
    transport = OverSocket(ours)
    before = measure_backlog(transport)
    ours.send(b"12345")
    tells = sys.platform == "linux" and ours.family == socket.AF_INET
    receive(client, 5)
    wait_until(lambda: measure_backlog(transport) == (before - 5 if tells else 0))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_system_tells_what_it_has_queued(pair: Any) -> None:
    ours, client = pair
    transport = OverSocket(ours)
    assert queued_size(transport) == 0
    size = fill(ours)
    assert (queued_size(transport) or 0) > 0
    receive(client, size)
    wait_until(lambda: queued_size(transport) == 0)


def test_nothing_is_queued_and_the_transport_alone_counts_without_a_socket(pair: Any) -> None:
    ours, _ = pair
    ours.close()
    for transport in (OverSocket(ours), OverSocket(None)):
        transport.buffered = 7
        assert queued_size(transport) is None
        assert measure_backlog(transport) == 7


def test_other_systems_tell_nothing(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = pair
    fill(ours)
    monkeypatch.setattr(delivery, "_LINUX", False)
    assert queued_size(OverSocket(ours)) is None
    assert measure_backlog(OverSocket(ours)) == 0
