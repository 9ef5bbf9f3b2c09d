"""``python -m tests.wire.lossy_path``: closes of WebSockets by a path that delays packets, and loses some.

It runs in a network namespace of its own, as ``unshare --map-root-user --net`` makes one. There a device
gives all packets to a process, in place of a network. The process exchanges the two addresses of each, and
gives it back after a while, or loses it: whoever connects to the other end reaches this one. netem would do
where a system has it. Which packets are lost, the seed decides.

It prints what both sides have seen, as JSON.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

from ..conftest import LOOPS
from ..serving import PATIENCE, Running
from .closing_websockets import WHO, Seen, close_one, closing_app

HERE: Final = "10.99.0.1"
"""The address of both client and server."""

THERE: Final = "10.99.0.2"
"""The address that leads here by the path."""

MTU: Final = 16 * 1024
"""Bytes of the largest packet. With those of Ethernet, the losses would make 16 MiB take minutes."""

TUNSETIFF: Final = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
IFF_UP: Final = 0x1
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFDSTADDR, SIOCSIFMTU = 0x8914, 0x8916, 0x8918, 0x8922


def open_device(name: str = "path0") -> int:
    """Make the device, and return the descriptor by which its packets are read and written."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, address in ((SIOCSIFADDR, HERE), (SIOCSIFDSTADDR, THERE)):
            packed = struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, request, packed)
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si", name.encode(), MTU))
        for one in (name, "lo"):
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH", one.encode(), IFF_UP))
    return device


def carry(device: int, delay: float, loss: float, seed: int) -> None:
    """Carry packets for good: each comes back so many seconds later, or not at all.

    :param loss: the part of them that is lost.
    """
    chance = random.Random(seed)
    under_way: deque[tuple[float, bytes]] = deque()
    os.set_blocking(device, False)
    while True:
        wait = under_way[0][0] - time.monotonic() if under_way else None
        if wait is None or wait > 0:
            select.select([device], [], [], wait)
        with contextlib.suppress(BlockingIOError):
            packet = os.read(device, 65536)
            if packet[0] >> 4 == 4 and chance.random() >= loss:
                # The sums of IP and TCP are the same for exchanged addresses.
                swapped = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
                under_way.append((time.monotonic() + delay, swapped))
        while under_way and under_way[0][0] <= time.monotonic():
            os.write(device, under_way.popleft()[1])


@contextlib.contextmanager
def lossy_path(delay: float, loss: float, seed: int) -> Iterator[None]:
    """Have a process carry packets between the two addresses while the block runs."""
    device = open_device()
    pid = os.fork()
    if pid == 0:
        try:
            carry(device, delay, loss, seed)
        finally:
            os._exit(1)
    os.close(device)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def main() -> None:
    """Close WebSockets of all the sizes, by all who can, at the same time."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.lossy_path", description=__doc__)
    parser.add_argument("--backend", default="httptools")
    parser.add_argument("--loop", default="uvloop", choices=sorted(LOOPS))
    parser.add_argument("--delay", type=float, default=0.02, help="seconds each way (0.02)")
    parser.add_argument("--loss", type=float, default=0.01, help="part of the packets (0.01)")
    parser.add_argument("--seed", type=int, default=1, help="of the losses (1)")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds that it may take")
    parser.add_argument("sizes", type=int, nargs="+", help="bytes of a message")
    options = parser.parse_args()
    by_server: Seen = {}
    by_client: Seen = {}

    async def close_all(port: int) -> None:
        async with asyncio.timeout(options.patience):
            cases = [(size, who) for size in options.sizes for who in WHO]
            await asyncio.gather(*(close_one(f"{THERE}:{port}", size, who, by_client) for size, who in cases))

    with lossy_path(options.delay, options.loss, options.seed):
        running = Running(
            app=closing_app(by_server),
            host=HERE,
            port=0,
            backend=options.backend,
            loop_factory=LOOPS[options.loop],
        )
        try:
            asyncio.run(close_all(running.port))
            running.wait_until_empty()
        finally:
            running.stop()
    json.dump(
        [[[*key, *value] for key, value in seen.items()] for seen in (by_client, by_server)], sys.stdout
    )


if __name__ == "__main__":
    main()
