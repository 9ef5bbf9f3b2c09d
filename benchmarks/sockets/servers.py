"""Who is measured, and what they are asked: each with one worker, uvloop and no access log."""

from typing import Final, NamedTuple

from benchmarks.servers import KYOUKAI, Server

UVICORN: Final = (
    "-m uvicorn benchmarks.peers.websocket_asgi:app --port {{port}} --loop uvloop --ws {ws} --no-access-log"
    " --log-level warning"
)


def kyoukai(about: str, backend: str) -> Server:
    """Return ours, on one of its backends."""
    command = KYOUKAI.format(target="benchmarks.sockets.app:kyoukai") + backend
    return Server(about, command, ("kyoukai", "websockets", "uvloop"), "", ours=True)


def uvicorn(about: str, ws: str, library: str) -> Server:
    """Return a bare callable on uvicorn."""
    return Server(about, UVICORN.format(ws=ws), ("uvicorn", library, "uvloop"), "")


SERVERS: Final[dict[str, Server]] = {
    "kyoukai": kyoukai("Kyoukai on its backend httptools", "httptools"),
    "kyoukai-reference": kyoukai("Kyoukai on its backend reference", "reference"),
    "uvicorn": uvicorn("uvicorn, by default: websockets-sansio", "auto", "websockets"),
    "uvicorn-websockets": uvicorn("uvicorn, websockets' older implementation", "websockets", "websockets"),
    "uvicorn-wsproto": uvicorn("uvicorn, wsproto", "wsproto", "wsproto"),
    "granian": Server(
        "granian (Rust), a bare ASGI callable",
        "-m granian benchmarks.peers.websocket_asgi:app --interface asgi --port {port} --loop uvloop"
        " --workers 1 --http 1 --log-level warning",
        ("granian", "uvloop"),
        "",
        without={"idle-deflate": "it does not compress"},
    ),
    "aiohttp": Server(
        "aiohttp.web", "-m benchmarks.peers.websocket_aiohttp {port}", ("aiohttp", "uvloop"), ""
    ),
}
"""By name, in the order in which they are reported."""


class Workload(NamedTuple):
    """What is sent, on how many connections."""

    about: str
    kind: str
    """``echo``, ``broadcast``, ``idle`` or ``drain``: how it is measured."""
    size: int = 64
    """Bytes of a message."""
    connections: int = 64
    compressed: bool = False
    servers: tuple[str, ...] = ()
    """Who is asked, where it is not all of them."""


WORKLOADS: Final[dict[str, Workload]] = {
    "echo-64": Workload("a text of 64 bytes, sent back", "echo"),
    "echo-64k": Workload("a text of 64 KiB, sent back", "echo", 64 * 1024, 16),
    "broadcast": Workload("a text of 64 bytes, sent to all", "broadcast", connections=1000),
    "idle": Workload("connections that have had a message each", "idle", 256, 10_000),
    "idle-deflate": Workload(
        "connections that have had a compressed message each", "idle", 256, 10_000, compressed=True
    ),
    "drain": Workload(
        "idle connections, closed with 1001 at a stop", "drain", 256, 10_000, servers=("kyoukai",)
    ),
}
"""By name, in the order in which they are reported."""
