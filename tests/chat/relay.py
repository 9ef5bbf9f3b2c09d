"""A port that stays while the server behind it stops and starts anew."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class Relay(socketserver.ThreadingTCPServer):
    """Passes on each connection, as it is.

    :ivar target: the address of the server; ``None``: there is none, and clients are turned away.
    :ivar turned_away: how many were.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.target: tuple[str, int] | None = None
        self.turned_away = 0

    @property
    def url(self) -> str:
        """What a browser is told to open."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lead_to(self, url: str) -> None:
        """Lead to the server at a URL from now on."""
        parts = urlsplit(url)
        self.target = str(parts.hostname), int(parts.port or 80)


class Passing(socketserver.BaseRequestHandler):
    """One connection."""

    server: Relay
    request: socket.socket

    def handle(self) -> None:
        """Pass on what comes from either side, until both have ended."""
        if self.server.target is None:
            self.server.turned_away += 1
            return
        with socket.create_connection(self.server.target) as other:
            back = threading.Thread(target=copy, args=(other, self.request), daemon=True)
            back.start()
            copy(self.request, other)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, and that no more comes."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relaying() -> Iterator[Relay]:
    """Listen while the block runs."""
    with Relay() as relay:
        thread = threading.Thread(target=relay.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
