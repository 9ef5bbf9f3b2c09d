"""``python -m benchmarks.guard.lists``: what a list of backends adds to the instructions of requests.

That is nothing: what decides gives way to the connection of the backend. A new connection takes more. Nothing
is compared with a baseline: the backend alone is counted in the same run. With arguments it is the script
that is counted, as :mod:`benchmarks.guard.script` is.
"""

import asyncio
import functools
import json
import sys
from pathlib import Path
from typing import Any, Final

import uvloop
from asphalt.core import Context

from benchmarks import apps
from benchmarks.guard import yardstick
from benchmarks.guard.script import BACKENDS, REQUESTS, YARDSTICK, Transport, ask, do_in_rounds
from benchmarks.report import aligned
from kyoukai import HTTP1Backend
from kyoukai.asphalt import KyoukaiComponent
from kyoukai.backends.reference import KyoukaiProtocol
from kyoukai.server.protocols import Protocols

TOLERANCE: Final = 0.005
"""By how much of itself a request may take more: where objects lie in memory is worth as much."""


PREFACED: Final = "benchmarks.guard.lists:Prefaced"


class Prefaced(HTTP1Backend):
    """The other one of the list, with the preface of HTTP/2 (RFC 9113 section 3.4). Nobody sends that."""

    api_version = 1
    protocol_class = KyoukaiProtocol
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Handed(Transport):
    """A transport that keeps the protocol which it is handed."""

    protocol: Any = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Take it."""
        self.protocol = protocol


def start(ctx: Context, *backends: str) -> Any:
    """Start a server, and return what makes the protocol of a connection to it."""
    component = KyoukaiComponent(apps.kyoukai, backend=backends, access_log=False)
    component.server.start()
    # It comes by the clock, and the clock is not the same in two runs.
    component.server._timer.cancel()  # type: ignore[union-attr]
    protocols = Protocols(component.backends, component.entrance.listeners)
    protocols.prepare(component, ctx, trace=False)
    return protocols.maker(("127.0.0.1", 8000), is_secure=False)


def begin(make: Any, data: bytes) -> tuple[Any, Handed]:
    """Make a connection, and give it a request; return its protocol and its transport."""
    transport = Handed()
    protocol = transport.protocol = make(("127.0.0.1", 50000))
    protocol.connection_made(transport)
    protocol.data_received(data)
    return transport.protocol, transport


async def connect_often(make: Any, data: bytes, connections: int) -> None:
    """Make connections, with one request each.

    :raises RuntimeError: if that is not answered.
    """
    for _ in range(connections):
        protocol, transport = begin(make, data)
        for _ in range(100):
            if transport.written:
                break
            await asyncio.sleep(0)
        else:
            raise RuntimeError("a request was not answered")
        await asyncio.sleep(0)
        protocol.connection_lost(None)


async def run(requests: int, rounds: int) -> list[str]:
    """Do all of it, and return the name of what follows each mark."""
    sections: dict[str, Any] = {YARDSTICK: yardstick.measure}
    apps.kyoukai.finalize()
    async with Context() as ctx:
        for backend in BACKENDS:
            for label, backends in (("alone", [backend]), ("of a list", [PREFACED, backend])):
                make = start(ctx, *backends)
                for name, data in REQUESTS.items():
                    protocol, transport = begin(make, REQUESTS["hello"])
                    await asyncio.sleep(0)
                    sections[f"{backend}, {name}, {label}"] = functools.partial(
                        ask, protocol, transport, data
                    )
                work = functools.partial(connect_often, make, REQUESTS["hello"])
                sections[f"{backend}, connection, {label}"] = work
        names: list[str] = []
        for name, section in sections.items():
            names += await do_in_rounds(name, functools.partial(section, requests), rounds)
    return names


def main() -> int:
    """Count, print a table, and return the exit status."""
    from benchmarks.guard.counting import count

    counts = count(script=f"benchmarks.guard.{Path(__file__).stem}")
    rows, is_wrong = [["", "alone", "of a list", "more", ""]], False
    for name, alone in counts.items():
        what, _, label = name.rpartition(", ")
        if label != "alone":
            continue
        listed = counts[f"{what}, of a list"]
        more = listed.instructions - alone.instructions
        part = more / alone.instructions
        numbers = (alone.instructions, listed.instructions, more)
        rows.append([what, *(f"{number:,.0f}" for number in numbers), f"{part:.2%}"])
        is_wrong = is_wrong or (part > TOLERANCE and not what.endswith("connection"))
    print("\n".join(aligned(rows)))
    return int(is_wrong)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(uvloop.run(run(*map(int, sys.argv[1:])))))
    else:
        sys.exit(main())
