"""Who is measured, and what they are asked: each with one worker, uvloop and no access log, in cleartext."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from benchmarks import content
from benchmarks.servers import KYOUKAI, Server

SERVERS: Final[dict[str, Server]] = {
    "kyoukai": Server(
        "Kyoukai on its backend h2",
        KYOUKAI.format(target="benchmarks.apps:kyoukai") + "h2",
        ("kyoukai", "h2", "werkzeug", "asphalt", "uvloop"),
        "",
        ours=True,
    ),
    "hypercorn": Server(
        "hypercorn, a bare ASGI callable",
        "-m hypercorn -c benchmarks/peers/hypercorn.toml benchmarks.peers.asgi:app -b 127.0.0.1:{port}"
        " -k uvloop -w 1 --keep-alive 75 --log-level warning",
        ("hypercorn", "h2", "uvloop"),
        "",
    ),
    "granian": Server(
        "granian (Rust), a bare ASGI callable",
        "-m granian benchmarks.peers.asgi:app --interface asgi --port {port} --loop uvloop --workers 1"
        " --no-ws --http 2 --log-level warning",
        ("granian", "uvloop"),
        "",
    ),
    "floor": Server(
        "the floor: the library h2, uvloop, constant answers",
        "-m benchmarks.peers.h2_floor {port}",
        ("h2", "uvloop"),
        "",
    ),
}
"""By name, in the order in which they are reported."""


class Workload(NamedTuple):
    """One request, the answer that it must have, and how many are sent at once."""

    about: str
    path: str = "/"
    body: bytes = b""
    answer: bytes = content.TEXT
    content_type: str = content.TEXT_TYPE
    connections: int = 1
    streams: int = 1
    """How many are open at once on each connection."""
    requests: int = 2_000
    """How many are sent before the clients connect anew: in five rounds, five times as many at least."""
    headers: Mapping[str, str] = {}
    servers: tuple[str, ...] = ()
    """Who is asked, where it is not all of them."""


def small(connections: int, streams: int) -> Workload:
    """Return requests of twelve bytes of text."""
    where = "each of 64 connections" if connections > 1 else "one connection"
    about = f"twelve bytes of text, {streams} at once on {where}"
    return Workload(about, connections=connections, streams=streams)


def upload(streams: int) -> Workload:
    """Return requests that post 1 MiB."""
    return Workload(
        f"1 MiB posted, and read whole, {streams} at once",
        "/upload",
        content.UPLOAD,
        b"1048576",
        streams=streams,
        requests=max(40, 2 * streams),
        headers={"content-type": content.BINARY_TYPE},
    )


def download(streams: int) -> Workload:
    """Return requests that are answered with 1 MiB."""
    return Workload(
        f"1 MiB from memory, {streams} at once",
        "/download",
        answer=content.BINARY,
        content_type=content.BINARY_TYPE,
        streams=streams,
        requests=max(40, 2 * streams),
    )


WORKLOADS: Final[dict[str, Workload]] = {
    "1x1": small(1, 1),
    "1x100": small(1, 100),
    "64x1": small(64, 1),
    "64x100": small(64, 100),
    "upload": upload(1),
    "upload-100": upload(100),
    "download": download(1),
    "download-100": download(100),
}
"""By name, in the order in which they are reported."""
