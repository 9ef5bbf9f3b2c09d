"""Memory of idle connections that have had one answer."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks import accounting, content
from benchmarks.running import HOST, Running
from benchmarks.workloads import Workload

REQUEST: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

PER_SOURCE: Final = 2500
"""Connections from one loopback address: each address has some 28,000 ports to connect from."""

WARMUP: Final = 200
"""Connections before the first measurement: growth caused by them is not a cost of idle connections."""

SETTLING: Final = 0.5
"""Seconds before memory is read: enough for ending tasks to be freed."""

ASKED_AGAIN: Final = 100
"""One in this many connections sends another request at the end."""


def source(number: int) -> str:
    """Return the source address of a connection."""
    return f"127.0.0.{2 + number // PER_SOURCE}"


def ask(connection: socket.socket) -> None:
    """Send a request and read its answer.

    The client does nothing more, so that ten thousand connections open in seconds.

    :raises RuntimeError: if the status is not 200, or the connection is closed.
    """
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(content.TEXT):
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError("an idle connection was closed")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"an idle connection was answered with {answer!r}")


@contextlib.contextmanager
def opened(port: int, number: int) -> Iterator[Sequence[socket.socket]]:
    """Open connections, each with one answered request."""
    with contextlib.ExitStack() as stack:
        connections = []
        for index in range(number):
            connection = socket.create_connection((HOST, port), 10, (source(index), 0))
            connections.append(stack.enter_context(connection))
            ask(connection)
        yield connections


def measure(workload: Workload, running: Running) -> dict[str, float]:
    """Return the memory of each connection, in KiB, and of all, in MiB.

    :raises RuntimeError: if a connection was closed meanwhile.
    """
    pid = running.process.pid
    with opened(running.port, WARMUP):
        pass
    time.sleep(SETTLING)
    before = accounting.memory(pid, "VmRSS")
    with opened(running.port, workload.connections) as connections:
        time.sleep(SETTLING)
        after = accounting.memory(pid, "VmRSS")
        for connection in connections[::ASKED_AGAIN]:
            ask(connection)
    return {"kib": (after - before) / workload.connections, "memory": after / 1024}
