"""What callgrind counts: ``python -m benchmarks.guard.script REQUESTS ROUNDS``, a fixed list of requests.

Requests are given to a connection of each backend, without a socket. Before each round of a section,
and behind the last one, stands a call of `os.getsid`, which nothing else makes: there, callgrind is told
to write down what it has counted, and to begin anew. What each stretch is, is printed.
"""

import asyncio
import functools
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvloop
from asphalt.core import Context

from benchmarks import apps, content
from benchmarks.guard import yardstick
from benchmarks.peers import asgi
from benchmarks.workloads import BROWSER
from kyoukai.asgi import ASGIApplication
from kyoukai.asphalt import KyoukaiComponent

BACKENDS: Final = ("httptools", "reference")
YARDSTICK: Final = "yardstick"
HOSTED: Final = "hello of ASGI"
"""The same as hello, answered by a bare callable that is hosted."""


def request(line: str, fields: dict[str, str], body: bytes = b"") -> bytes:
    """Return a request as it is sent."""
    all_fields = {"Host": "127.0.0.1:8000", **fields}
    lines = [line, *(f"{name}: {value}" for name, value in all_fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


REQUESTS: Final = {
    "hello": request("GET / HTTP/1.1", {}),
    "browser": request("GET / HTTP/1.1", BROWSER),
    "json": request("GET /json HTTP/1.1", {}),
    "params": request("GET /users/ada/posts/42 HTTP/1.1", {}),
    "post": request(
        "POST /orders HTTP/1.1",
        {"Content-Type": "application/json", "Content-Length": str(len(content.ORDER))},
        content.ORDER,
    ),
}


class Transport(asyncio.Transport):
    """A transport that takes note of what is written, and throws it away."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8000)})
        self.written = b""

    def write(self, data: Any) -> None:
        """Keep the last of what is written."""
        self.written = data

    def writelines(self, list_of_data: Any) -> None:
        """Keep the last of what is written."""
        self.written = b"".join(list_of_data)

    def is_closing(self) -> bool:
        """Return that it is open."""
        return False

    def close(self) -> None:
        """Say that it must not happen here.

        :raises RuntimeError: always.
        """
        raise RuntimeError("the connection was closed")

    def can_write_eof(self) -> bool:
        """Return that it could be shut."""
        return True

    def get_write_buffer_size(self) -> int:
        """Return that all was sent."""
        return 0

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Do nothing."""


async def ask(protocol: Any, transport: Transport, data: bytes, requests: int) -> None:
    """Give a connection the same request again and again.

    :raises RuntimeError: if it is not answered with 200.
    """
    for _ in range(requests):
        transport.written = b""
        give(protocol, data)
        for _ in range(100):
            if transport.written:
                break
            await asyncio.sleep(0)
        if not transport.written.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"answered with {transport.written!r}")
        # What is done behind the answer belongs to it.
        await asyncio.sleep(0)


def give(protocol: Any, data: bytes) -> None:
    """Give a connection what came, in the way that its transport would."""
    if isinstance(protocol, asyncio.BufferedProtocol):
        buffer: Any = protocol.get_buffer(len(data))
        buffer[: len(data)] = data
        protocol.buffer_updated(len(data))
    else:
        protocol.data_received(data)


def mark() -> None:
    """End what is counted together."""
    os.getsid(0)


def connect(ctx: Context, backend: str, app: Any = apps.kyoukai) -> tuple[KyoukaiComponent, Any, Transport]:
    """Return a server, and a connection of it with its transport."""
    component = KyoukaiComponent(app, backend=backend, access_log=False)
    apps.kyoukai.finalize()
    component.server.start()
    # It comes by the clock, and the clock is not the same in two runs.
    component.server._timer.cancel()  # type: ignore[union-attr]
    protocol = component.backend.create_protocol(component, ctx, "127.0.0.1", 8000)
    transport = Transport()
    protocol.connection_made(transport)
    return component, protocol, transport


async def do_in_rounds(name: str, work: Callable[[], Awaitable[Any]], rounds: int) -> list[str]:
    """Do a section's work in rounds, and return the name of what follows each of its marks."""
    # Caches fill, and Python's bytecode adapts to what it is run with: it has to do so anew after each
    # change of backend or request.
    await work()
    gc.collect()
    # What there is now is no part of what a request leaves behind.
    gc.freeze()
    for _ in range(rounds):
        gc.collect()
        mark()
        await work()
    mark()
    return [*[name] * rounds, ""]


async def run(requests: int, rounds: int) -> list[str]:
    """Do all of it, and return the name of what follows each mark: none for what lies between sections."""
    names = []
    sections: dict[str, Any] = {YARDSTICK: yardstick.measure}
    async with Context() as ctx:
        for backend in BACKENDS:
            _, protocol, transport = connect(ctx, backend)
            for name, data in REQUESTS.items():
                sections[f"{backend}, {name}"] = functools.partial(ask, protocol, transport, data)
        for backend in BACKENDS:
            _, protocol, transport = connect(ctx, backend, ASGIApplication(asgi.app))
            hello = functools.partial(ask, protocol, transport, REQUESTS["hello"])
            sections[f"{backend}, {HOSTED}"] = hello
        for name, section in sections.items():
            names += await do_in_rounds(name, functools.partial(section, requests), rounds)
    return names


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(*map(int, sys.argv[1:])))))
