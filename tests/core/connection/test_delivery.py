"""What a socket tells about a client that takes what was written, or does not."""

import asyncio
import socket
import sys
import time
from typing import Any

import pytest

from kyoukai.core.connection.delivery import is_full, measure_backlog

from ...serving import PATIENCE
from ..wires import fill, receive


class OverSocket(asyncio.Transport):
    """A transport that writes to a socket, and tells of a buffer of 7 bytes."""

    def __init__(self, sock: Any) -> None:
        super().__init__({"socket": sock})

    def get_write_buffer_size(self) -> int:
        return 7


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


def test_backlog_falls_with_what_the_client_takes(pair: Any) -> None:
    ours, client = pair
    transport = OverSocket(ours)
    before = measure_backlog(transport, is_secure=True)
    ours.send(b"12345")
    receive(client, 5)
    tells = ours.family == socket.AF_INET and sys.platform == "linux"
    after = before - 5 if tells else 7
    # A system may acknowledge a little later.
    deadline = time.monotonic() + PATIENCE
    while measure_backlog(transport, is_secure=True) != after:
        assert time.monotonic() < deadline


def test_backlog_in_the_clear_and_without_a_socket_is_the_buffer(pair: Any) -> None:
    ours, _ = pair
    assert measure_backlog(OverSocket(ours), is_secure=False) == 7
    assert measure_backlog(OverSocket(None), is_secure=True) == 7
    ours.close()
    assert measure_backlog(OverSocket(ours), is_secure=True) == 7
