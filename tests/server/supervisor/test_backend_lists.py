"""Several backends, served by workers: the supervisor says which."""

import signal
from pathlib import Path

import pytest

from ...serving import Client
from ...wire.prefaced import PRISM, ask
from .supervised import APPLICATION, supervised

# The application is imported first.
TEXT = f"import sys\nsys.path.append({str(Path(__file__).parents[3])!r})\n{APPLICATION}"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_workers_serve_by_several_backends(tmp_path: Path, backend: str, loop: str) -> None:
    options = ("--backend", PRISM, "--backend", backend, "--loop", loop)
    with supervised(tmp_path, "--workers", "2", *options, text=TEXT) as server:
        workers = [f"{worker} one" for worker in server.workers(2)]
        server.process.wait_for(rf"\(backends {PRISM}, {backend}, loop {loop}\) by 2 workers")
        assert server.get() in workers
        with Client(("127.0.0.1", server.port)) as client:
            assert ask(client).decode() in workers
        server.signal(signal.SIGTERM)
        server.finish()
