"""The servers, and how each is run: with its defaults, but for what the conversations need.

A server with threads gets more of them than there are conversations at once, and gunicorn the
worker that keeps connections open; nothing else is set.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
HOST = "127.0.0.1"
START_TIME = 30.0
"""Seconds in which a server must be listening, and in which it must have ended."""


class Peer(NamedTuple):
    """One server."""

    distributions: tuple[str, ...]
    """What is to be named with its version."""
    command: str
    """What Python is run with; `{port}` stands for the port. The current folder is this one."""


UVICORN = "-m uvicorn applications:asgi --port {port} --log-level critical --http"
KYOUKAI = "-m kyoukai run own.py --port {port} --log-level CRITICAL --backend"

PEERS = {
    "kyoukai, httptools": Peer(("kyoukai", "httptools"), f"{KYOUKAI} httptools"),
    "kyoukai, reference": Peer(("kyoukai",), f"{KYOUKAI} reference"),
    "uvicorn, httptools": Peer(("uvicorn", "httptools"), f"{UVICORN} httptools"),
    "uvicorn, h11": Peer(("uvicorn", "h11"), f"{UVICORN} h11"),
    "hypercorn": Peer(("hypercorn", "h11"), "-m hypercorn applications:asgi -b 127.0.0.1:{port}"),
    "daphne": Peer(("daphne", "twisted"), "-m daphne applications:asgi -p {port} -v 0"),
    "granian": Peer(("granian",), "-m granian applications:asgi --interface asgi --port {port} --no-log"),
    "aiohttp": Peer(("aiohttp",), "applications.py aiohttp {port}"),
    "tornado": Peer(("tornado",), "applications.py tornado {port}"),
    "gunicorn, gthread": Peer(
        ("gunicorn",), "-m gunicorn applications:wsgi -b 127.0.0.1:{port} -k gthread --threads 16"
    ),
    "waitress": Peer(("waitress",), "-m waitress --listen=127.0.0.1:{port} --threads=16 applications:wsgi"),
    "cheroot": Peer(("cheroot",), "-m cheroot applications:wsgi --bind 127.0.0.1:{port} --threads 16"),
}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(peer: Peer, python: str) -> Iterator[int]:
    """Run a server, and give its port.

    :raises RuntimeError: if it does not start; what it wrote is in the message.
    """
    port = free_port()
    arguments = [python, *peer.command.format(port=port).split()]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(arguments, cwd=HERE, env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            _wait_until_it_listens(process, port)
        except RuntimeError as error:
            log.seek(0)
            raise RuntimeError(f"{error}\n{log.read().decode('utf-8', 'replace')}") from None
        else:
            yield port
        finally:
            process.terminate()
            try:
                process.wait(START_TIME)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
            return
        time.sleep(0.05)
    raise RuntimeError(f"this did not start: {process.args!r}")


def versions(peer: Peer, python: str) -> dict[str, str]:
    """Return the versions of what a server is made of, and what else was installed with it."""
    program = (
        "import importlib.metadata, json, sys; "
        "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run(  # noqa: S603
        [python, "-c", program, *peer.distributions], check=True, capture_output=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found
