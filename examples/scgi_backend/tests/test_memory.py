"""Bodies of any size, both ways, take no memory: who sends them waits for who reads them.

``SCGI_MIB`` says how large they are; the project's own CI has them of 1 GiB.
"""

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import UNBUFFERED, Process, connect, head, kyoukai, nginx, receive

MIB = 1024 * 1024
SIZE = int(os.environ.get("SCGI_MIB", "64")) * MIB
BOUND = 16 * MIB
"""How much more memory the server may take than one at rest."""

MOST = 40 * MIB
"""How much memory the server may take at all."""

BLOCK = bytes(MIB)


@pytest.fixture(params=["bare", "nginx", "unbuffered nginx"])
def served(request: Any, tmp_path: Path) -> Iterator[tuple[Process, int, bool]]:
    """A server, the port to ask, and whether that is nginx's."""
    options = UNBUFFERED if request.param == "unbuffered nginx" else "scgi_max_temp_file_size 2048m;"
    with kyoukai(tmp_path) as (server, upstream):
        before = server.memory()
        if request.param == "bare":
            yield server, upstream, False
        else:
            with nginx(tmp_path, upstream, options) as port:
                yield server, port, True
        peak = server.memory("VmHWM")
        print(f"{request.node.name}: {before / MIB:.1f} MiB at rest, {peak / MIB:.1f} MiB at the most")
        assert peak - before < BOUND
        assert peak < MOST


def request(method: str, target: str, size: int, by_http: bool) -> bytes:
    if by_http:
        fields = f"Host: a\r\nConnection: close\r\nContent-Length: {size}"
        return f"{method} {target} HTTP/1.1\r\n{fields}\r\n\r\n".encode()
    return head(method, target, size)


def ask(port: int, by_http: bool) -> int:
    """Return how many blocks of an answer the server has made."""
    with connect(port) as client:
        client.sendall(request("GET", "/made", 0, by_http))
        return int(receive(client).rpartition(b"\n")[2])


def send_what_goes(client: socket.socket, most: int) -> int:
    """Send until nobody takes any more, and return how much that was."""
    sent = 0
    client.setblocking(False)
    while sent < most and select.select([], [client], [], 0.5)[1]:
        sent += client.send(BLOCK[: most - sent])
    client.setblocking(True)
    return sent


def test_a_body_that_nobody_reads_for_a_while(served: tuple[Process, int, bool]) -> None:
    _, port, by_http = served
    with connect(port) as client, connect(port) as other:
        client.sendall(request("POST", "/up?wait", SIZE, by_http))
        sent = send_what_goes(client, SIZE)
        if not by_http:
            # What the system holds is some MiB.
            assert sent < 32 * MIB
        other.sendall(request("POST", "/release", 0, by_http))
        receive(other)
        while sent < SIZE:
            sent += client.send(BLOCK[: SIZE - sent])
        assert receive(client).endswith(b"\r\n\r\n%d" % SIZE)


@pytest.mark.parametrize("query", ["", "?sized"])
def test_an_answer_that_nobody_reads_for_a_while(served: tuple[Process, int, bool], query: str) -> None:
    _, port, by_http = served
    with connect(port) as client:
        client.sendall(request("GET", f"/down/{SIZE // 65536}{query}", 0, by_http))
        # It waits once it answers others and makes no more of this; or all is made, and on nginx's disk.
        made = before = 0
        while not made or made != before:
            made, before = ask(port, by_http), made
        if not by_http:
            # What the system holds is some MiB.
            assert made * 65536 < 32 * MIB
        size = 0
        while piece := client.recv(MIB):
            size += len(piece)
    assert size > SIZE
