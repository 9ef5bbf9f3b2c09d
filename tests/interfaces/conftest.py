"""Each framework's application in processes: on its own server, and on ours by every backend."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..processes import Process, python
from .asking import Server

APPLICATIONS = Path(__file__).with_name("applications")

# Sets of methods, of which some frameworks make Allow fields, have one order in all processes.
ENVIRON = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(APPLICATIONS)}

UVICORN = ("-m", "uvicorn", "--host", "127.0.0.1", "--port", "0", "--no-access-log")
GUNICORN = ("-m", "gunicorn", "-k", "gthread", "--threads", "4", "-b", "127.0.0.1:0", "--no-control-socket")

PEERS = {
    "asgi": (UVICORN, r"Uvicorn running on http://127\.0\.0\.1:(\d+)"),
    "wsgi": (GUNICORN, r"Listening at: http://127\.0\.0\.1:(\d+)"),
}


@contextlib.contextmanager
def peer(interface: str, target: str, folder: Path) -> Iterator[Server]:
    """Serve an application by the server that its users have."""
    command, ready = PEERS[interface]
    with python(*command, target, folder=folder, environ=ENVIRON) as process:
        yield Server(int(process.wait_for(ready)[1]))


@contextlib.contextmanager
def ours(target: str, *backends: str, folder: Path) -> Iterator[Process]:
    """Serve an application by ``kyoukai run``."""
    options = [option for backend in backends for option in ("--backend", backend)]
    arguments = ("-m", "kyoukai", "run", target, "--port", "0", *options)
    with python(*arguments, folder=folder, environ=ENVIRON) as process:
        yield process


def port_of(process: Process) -> int:
    """Return the port that it listens on."""
    return int(process.url.rstrip("/").rpartition(":")[2])


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[str, str], tuple[Server, dict[str, Server]]]]:
    """Serve a module's application by its own server, and by ours on every backend."""
    with contextlib.ExitStack() as stack:

        def start(name: str, interface: str) -> tuple[Server, dict[str, Server]]:
            target = f"{name}_app:app"
            both = stack.enter_context(ours(target, "h2", "httptools", folder=tmp_path))
            reference = stack.enter_context(ours(target, "reference", folder=tmp_path))
            expected = stack.enter_context(peer(interface, target, tmp_path))
            port = port_of(both)
            found = {
                "httptools": Server(port),
                "h2": Server(port, by_http2=True),
                "reference": Server(port_of(reference)),
            }
            return expected, found

        yield start
