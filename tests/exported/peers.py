"""Servers of ASGI that are not ours, in processes of their own, by their own commands."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..processes import Process
from ..serving import Client

ROOT = Path(__file__).parents[2]


class Peer(NamedTuple):
    """How one of them is started, and what it says."""

    arguments: Callable[[str, int], list[str]]
    """What follows ``python -m``, for an application and a port."""
    serves: str
    """The line about the start, in which the URL is a group."""
    stopped: int = 0
    """The status that it ends with after SIGTERM."""
    chooses: bool = True
    """Whether it says which port it has got, where it is told to take any."""
    lacks: frozenset[str] = frozenset()
    """What it does not do, of what an application can ask for. A test checks what comes in its place."""


EARLY_HINTS = "early hints"
"""Sends what comes before an answer (103)."""
TRAILERS = "trailers"
"""Sends trailer fields."""
HALF_CLOSE = "half close"
"""Answers a client that has ended its side in the middle of its body."""
CLOSE = "close"
"""Closes the connection behind an answer that says so."""
REFUSALS = "refusals"
"""Refuses a WebSocket with the application's answer. Others make a 403 of each."""
HANDSHAKE_FIELDS = "handshake fields"
"""Sends fields with the answer that accepts a WebSocket."""
COMPRESSION = "compression"
"""Compresses messages."""
FRAGMENTS = "fragments"
"""Sends a message in the pieces that the application sends."""

EVERY = frozenset({EARLY_HINTS, TRAILERS, HALF_CLOSE, FRAGMENTS})
"""What none of them does by HTTP/1.1."""

PEERS = {
    "uvicorn": Peer(
        lambda app, port: ["uvicorn", app, "--port", str(port)],
        r"Uvicorn running on (?P<url>http://\S+)",
        stopped=-signal.SIGTERM,
        lacks=EVERY,
    ),
    "hypercorn": Peer(
        lambda app, port: ["hypercorn", app, "--bind", f"127.0.0.1:{port}"],
        r"Running on (?P<url>http://\S+)",
        lacks=EVERY,
    ),
    "granian": Peer(
        lambda app, port: ["granian", "--interface", "asgi", app, "--port", str(port)],
        r"Listening at: (?P<url>http://\S+)",
        chooses=False,
        lacks=EVERY | {CLOSE, HANDSHAKE_FIELDS, COMPRESSION},
    ),
    "gunicorn": Peer(
        lambda app, port: [
            *("gunicorn", "-k", "asgi", app, "--bind", f"127.0.0.1:{port}"),
            # By default it takes lines of half the size that we take.
            *("--limit-request-line", "8190"),
        ],
        r"ASGI server listening on (?P<url>http://\S+)",
        lacks=EVERY | {REFUSALS, COMPRESSION},
    ),
}
"""They serve the examples in their tests. None is skipped: one that is not installed fails."""

DAPHNE = Peer(
    lambda app, port: ["daphne", app, "--port", str(port)],
    r"Listening on TCP address 127.0.0.1:(?P<port>\d+)",
)
"""It has no lifespan."""


class PeerProcess(Process):
    """A server that is not ours.

    :param peer: which.
    :param app: ``module:attribute``.
    :param port: what it is told to listen on; 0: any.
    """

    # Two processes begin, one after the other, and import all that the application does.
    patience = 60.0

    def __init__(
        self, peer: Peer, app: str, folder: Path, environ: dict[str, str] | None = None, port: int = 0
    ) -> None:
        super().__init__("-m", *peer.arguments(app, port), folder=folder, environ=environ)
        self.peer = peer
        self.lacks = peer.lacks

    @property
    def log(self) -> str:
        """What it says of what it does; each of them says so where it likes."""
        return self.stdout + self.stderr

    @property
    def url(self) -> str:
        """What it says that it serves, as soon as it does."""
        found = self.wait_for(self.peer.serves).groupdict()
        url = found.get("url") or f"http://127.0.0.1:{found['port']}"
        # Some say so when they are about to.
        self.until(lambda: is_listened_to(url))
        return url

    def connect(self) -> Client:
        """Open a raw connection, as soon as it serves."""
        return Client(address_of(self.url))

    def finish(self) -> int:
        """Wait until it has ended by itself; return 0, if that is how it ends after SIGTERM."""
        status = super().finish()
        return 0 if status == self.peer.stopped else status or 1


def address_of(url: str) -> tuple[str, int]:
    """Return what is to be connected to."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def is_listened_to(url: str) -> bool:
    """Whether somebody accepts connections."""
    try:
        socket.create_connection(address_of(url)).close()
    except ConnectionRefusedError:
        return False
    return True


@contextlib.contextmanager
def peer(name: str, app: str, folder: Path, environ: dict[str, str] | None = None) -> Iterator[PeerProcess]:
    """Run a server while the block runs.

    :param app: ``module:attribute``; this repository can be imported, and what is in the folder.
    """
    with contextlib.ExitStack() as stack:
        port = 0
        chosen = {**PEERS, "daphne": DAPHNE}[name]
        if not chosen.chooses:
            port = stack.enter_context(reserved_port())
        process = PeerProcess(chosen, app, folder, environ, port)
        stack.callback(process.kill)
        yield process


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """Yield a port that nobody gets while the block runs, but for who shares it (``SO_REUSEPORT``)."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
