"""``python -m benchmarks.http2.losses``: what clients of HTTP/2 lose while a server is reloaded and upgraded.

As `benchmarks.losses` has it, with several requests at once on each connection. What the server says that it
has not acted on, by a GOAWAY or a reset with REFUSED_STREAM, a client may send again (RFC 9113 section 8.7):
it is counted, and is no failure. Whatever else has no answer is.
"""

import argparse
import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from benchmarks.http2 import frames
from benchmarks.http2.attacks import stream
from benchmarks.http2.offender import Keeping, connected
from benchmarks.losses import CONNECTIONS, Load, measure, reload, serving, upgrade

AT_ONCE: Final = 8
"""Requests under way on each connection."""

POSTED: Final = bytes(10_000)


@dataclass
class StreamsLoad(Load):
    """Clients with several requests at once on each connection."""

    again: int = 0
    """Requests that the server has said it did not act on."""

    async def batch(self, client: Keeping, first: int) -> None:
        """Send some requests at once, and count what comes of them.

        :param first: the number of the first of them on this connection.
        """
        wanted: dict[int, bytes] = {}
        for number in range(first, first + AT_ONCE):
            posts = number % 4 == 0
            wanted[stream(number)] = b"10000" if posts else b"ok"
            if posts:
                client.send(frames.request(stream(number), b"/echo", method=3, flags=frames.END_HEADERS))
                client.send(frames.frame(frames.DATA, frames.END_STREAM, stream(number), POSTED))
            else:
                client.send(frames.request(stream(number)))
        await client.until(lambda: all(map(client.is_done, wanted)))
        for number, body in wanted.items():
            if number > client.last_stream or client.resets.get(number) == frames.REFUSED_STREAM:
                self.again += 1
            elif number in client.ended_streams and client.bodies.pop(number, b"") == body:
                self.answered += 1
                self.posted += body != b"ok"
            else:
                reset = client.resets.get(number)
                self.reset += reset is None
                self.failures[f"no answer: reset {reset}, GOAWAY {client.goaway}"] += 1

    async def client(self, stop: asyncio.Event) -> None:
        """Ask on a connection that is kept, and on the next when the server sends it away."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            try:
                async with connected(Keeping, self.port) as client:
                    number = 0
                    # A kept connection is let go now and then, so that there are new ones, too.
                    while not stop.is_set() and number < 50 * AT_ONCE:
                        if client.goaway is not None or client.ended.done():
                            # A client sees so before it asks.
                            self.led_on += client.goaway is not None
                            self.closed_idle += client.goaway is None
                            break
                        await self.batch(client, number)
                        number += AT_ONCE
                        # Who was late is so for once, and does not hurry afterwards.
                        due = max(due + AT_ONCE * CONNECTIONS / self.rate, loop.time())
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), due - loop.time())
            except (OSError, TimeoutError) as error:
                self.failures[f"{type(error).__name__}: {error}"] += 1


def main() -> int:
    """Measure what is asked for; return the status to exit with."""
    parser = argparse.ArgumentParser(description="What clients of HTTP/2 lose while a server changes.")
    parser.add_argument("--hups", type=int, default=100, help="how often the application is loaded anew")
    parser.add_argument("--upgrades", type=int, default=20, help="how often a new supervisor takes over")
    parser.add_argument("--rate", type=float, default=1000.0, help="requests a second")
    options = parser.parse_args()
    good = True
    for what, proof, count in (("reloads", reload, options.hups), ("upgrades", upgrade, options.upgrades)):
        if count:
            with serving("h2") as served:
                proven = measure(what, proof, served, count, options.rate, StreamsLoad)
                good = asyncio.run(proven) and good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
