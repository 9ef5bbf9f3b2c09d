"""Reloads, upgrades and killed workers under load: a client counts what it gets, and nothing may be missing.

``KYOUKAI_LOAD_SECONDS`` sets how long each test loads the server. ``python -m benchmarks.losses`` goes on for
a hundred reloads and twenty upgrades.
"""

import asyncio
import itertools
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.losses import CONNECTIONS, Load, describe

from ..server.supervisor.supervised import Supervised, has_ended, send, supervised, supervisors
from ..serving import PATIENCE

SECONDS = float(os.environ.get("KYOUKAI_LOAD_SECONDS", "8"))

RATE = float(os.environ.get("KYOUKAI_LOAD_RATE", "1000"))
"""Requests a second, if the machine is fast enough."""

UPGRADES = 3


async def until(server: Supervised, text: str, count: int) -> None:
    """Wait until the log has said something so often."""
    async with asyncio.timeout(3 * PATIENCE):
        while server.process.stderr.count(text) < count:  # noqa: ASYNC110 - Another thread reads it.
            await asyncio.sleep(0.02)


def test_no_request_fails_while_the_application_is_loaded_anew(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        server.workers(2)
        load = Load(server.port, RATE)
        reloads = 0

        async def run() -> None:
            nonlocal reloads
            end = asyncio.get_running_loop().time() + SECONDS
            async with load.loading():
                while reloads == 0 or asyncio.get_running_loop().time() < end:
                    reloads += 1
                    server.signal(signal.SIGHUP)
                    await until(server, "reloaded: 2 new workers serve", reloads)
            await until(server, "has ended (reload): exit status 0", 2 * reloads)

        asyncio.run(run())
        print(describe(f"{reloads} reloads", load, SECONDS))
        assert load.failures == Counter(), server.process.stderr
        assert load.answered > 0
        server.signal(signal.SIGTERM)
        server.finish()


@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_no_request_fails_while_supervisors_take_each_others_place(tmp_path: Path, backend: str) -> None:
    with supervised(tmp_path, "--workers", "2", "--backend", backend) as server:
        server.workers(2)
        load = Load(server.port, RATE)

        async def run() -> None:
            async with load.loading():
                for count in range(1, UPGRADES + 1):
                    old = supervisors(server.process)[-1]
                    send(server.process, signal.SIGUSR2)
                    await until(server, "upgraded: the new supervisor", count)
                    async with asyncio.timeout(3 * PATIENCE):
                        while not has_ended(old):  # noqa: ASYNC110 - It is no child of this process.
                            await asyncio.sleep(0.02)

        asyncio.run(run())
        assert load.failures == Counter(), server.process.stderr
        assert load.answered > 0
        assert load.led_on > 0
        assert server.process.end() == 0
        assert server.process.stderr.count("has ended (upgrade): exit status 0") == 2 * UPGRADES
        server.signal(signal.SIGTERM)
        server.finish()


def test_killed_worker_loses_only_its_started_requests(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        load = Load(server.port, RATE)
        server.workers(2)
        lost = [0]

        async def run() -> None:
            end = asyncio.get_running_loop().time() + SECONDS
            async with load.loading():
                while len(lost) == 1 or asyncio.get_running_loop().time() < end:
                    kills = len(lost)
                    os.kill(server.workers(2)[kills - 1], signal.SIGKILL)
                    await until(server, "is ready after", 2 + kills)
                    await asyncio.sleep(1)
                    lost.append(load.failures.total())

        asyncio.run(run())
        print(describe(f"{len(lost) - 1} kills", load, SECONDS))
        # Connections were cut off, and nobody was refused, answered wrongly or forgotten.
        assert load.failures.total() == load.reset, load.failures
        # A connection has one request under way, and a worker no more than all of them.
        assert all(after - before <= CONNECTIONS for before, after in itertools.pairwise(lost)), lost
        server.signal(signal.SIGTERM)
        server.finish()
