import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop

# Its checks hold under `python -O` too.
pytest.register_assert_rewrite("tests.neighbours.odd")

from ..serving import Running  # noqa: E402
from .proxies import Proxy  # noqa: E402
from .recording import Recording  # noqa: E402


class Front(NamedTuple):
    """A proxy, the server behind it, and the application behind that."""

    proxy: Proxy
    server: Running
    app: Recording


@pytest.fixture
def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """One kind of loop, the one for production.

    To a server, a proxy is a client with habits of its own: other bytes in another order. What a loop
    does with bytes and with a peer's going is tested on both kinds, by clients that do all of it.
    """
    return uvloop.new_event_loop


@pytest.fixture
def front(serve: Callable[..., Running], tmp_path: Path) -> Iterator[Callable[..., Front]]:
    """Serve behind a proxy that the test chooses, on each backend, until the test's end."""
    proxies: list[Proxy] = []

    def start(kind: Callable[..., Proxy], limits: Any = None, settings: Any = None, **options: Any) -> Front:
        app = Recording()
        server = serve(app, limits=limits, **(settings or {}))
        proxies.append(kind(tmp_path, server.port, **options))
        return Front(proxies[-1], server, app)

    yield start
    for proxy in proxies:
        proxy.end()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What a proxy does is no error of the server's."""
    yield
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []
