"""Servers that speak HTTP/2, on each loop."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ...conftest import HTTP2
from ...serving import Running, error_records


@pytest.fixture
def serve(loop_factory: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Running]]:
    """Serve by HTTP/2 until the test's end, and see that nothing a client does is an error."""
    servers: list[Running] = []
    caplog.set_level(logging.INFO)

    def start(app: Any, **settings: Any) -> Running:
        servers.append(
            Running(app=app, loop_factory=loop_factory, **{"port": 0, "backend": HTTP2, **settings})
        )
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    assert error_records(caplog) == []
