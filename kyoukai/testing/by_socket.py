"""One connection from its first byte to its end, by a socket, without an event loop.

That a server keeps a connection open shows only in what it does next: it is sent one more request,
the probe. The answer to it belongs to no conversation.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from .chunking import Action, Piece
from .outcome import Outcome, read_outcome
from .recorder import RecordingApplication, Reply, Seen
from .settings import timeout_scale

PATIENCE: Final = 10.0
"""Seconds to wait for what must come, before they are scaled."""

PROBE_TARGET: Final = "/is-this-connection-open"
PROBE: Final = f"GET {PROBE_TARGET} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n".encode()

SILENCE: Final = 0.2
"""Seconds without any answer to the probe after which it was taken for a part of what came before."""

CONTINUE: Final = b"HTTP/1.1 100 "


def converse_by_socket(
    address: Any,
    application: RecordingApplication,
    pieces: Iterable[Piece],
    *,
    reply: Reply | None = None,
    answers: int = 0,
    closes: bool = True,
    between: Callable[[], object] | None = None,
    patience: float = PATIENCE,
) -> Outcome:
    """Hold one conversation by a socket.

    :param address: what the server listens on: an address and a port, or the path of a Unix socket.
    :param application: what the server serves; one conversation at a time.
    :param pieces: what the client sends and does.
    :param answers: how many complete answers to wait for.
    :param closes: whether to wait for the connection's end; otherwise the probe is sent.
    :param between: what is called after each piece, so that the server gets it by itself.
    :param patience: seconds to wait for what must come, before they are scaled.
    :raises OSError: if nobody listens there.
    """
    client = _Client(address, application.begin(reply or Reply()), answers, patience * timeout_scale())
    with contextlib.closing(client.socket):
        for piece in pieces:
            client.play(piece)
            if between is not None:
                between()
        if closes or client.is_reset:
            client.receive_until(lambda: False)
            return client.outcome()
        client.receive_until(client.is_satisfied)
        if client.ended:
            return client.outcome()
        # The conversation has all its answers; the one to the probe must come whole.
        application.reply = Reply()
        return client.probe()


class _Client:
    """The client's side of one connection by a socket."""

    def __init__(self, address: Any, seen: list[Seen], wanted: int, patience: float) -> None:
        self.seen = seen
        self.wanted = wanted
        self.patience = patience
        self.sent: list[bytes] = []
        self.received = b""
        self.ended = False
        """Whether the server has ended the connection."""
        self.is_reset = False
        """Whether the client has."""
        self.aborted = False
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(self.patience)
        try:
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise

    def play(self, piece: Piece) -> None:
        """Do one thing. What a server that has gone does not take is lost."""
        if isinstance(piece, bytes):
            self.sent.append(piece)
            with contextlib.suppress(ConnectionError):
                self.socket.sendall(piece)
        elif piece is Action.END:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        elif piece is Action.PAUSE:
            self.receive_until(lambda: CONTINUE in self.received)
        else:
            self.receive_until(self.is_satisfied)
            self.is_reset = self.ended = True
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()

    def is_satisfied(self) -> bool:
        """Return whether all answers that must come have."""
        return not self.wanted or self.outcome().complete >= self.wanted

    def receive_until(self, condition: Callable[[], bool], patience: float | None = None) -> None:
        """Receive until a condition holds, the server ends the connection, or patience does."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while not self.ended and not condition():
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                self.ended = self.aborted = True
                break
            self.received += data
            self.ended = not data
        if not self.is_reset:
            self.socket.settimeout(self.patience)

    def probe(self) -> Outcome:
        """Return the outcome, after asking once more whether the connection is open."""
        before = self.outcome()
        self.play(PROBE)
        self.sent.pop()
        self.receive_until(lambda: self.outcome().complete > before.complete, SILENCE)
        if self.ended and self.outcome().complete == before.complete:
            return self.outcome()
        self.play(Action.END)
        self.receive_until(lambda: False)
        if not any(request.target == PROBE_TARGET for request in self.seen):
            # It was taken for a part of what came before, and refused or ignored.
            return before
        self.ended = False
        outcome = self.outcome()
        # What came before the answer to the probe came to the conversation.
        seen = tuple(request for request in outcome.seen if request.target != PROBE_TARGET)
        return Outcome(outcome.answers[:-1], seen, outcome.continued, False, outcome.faults)

    def outcome(self) -> Outcome:
        """Return what has come of it."""
        return read_outcome(
            self.received, b"".join(self.sent), self.seen, closed=self.ended, aborted=self.aborted
        )
