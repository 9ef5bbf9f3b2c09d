"""Who a server tells how it is."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..serving import PATIENCE


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket: what a server is to find in ``NOTIFY_SOCKET``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(3 * PATIENCE)
        yield sock
