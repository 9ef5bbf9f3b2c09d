"""Reading the header of the PROXY protocol, by what comes and when."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.server.heading import Heading, Relayed

HEADER = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"


@pytest.mark.parametrize("late", [HEADER[10:], b""])
def test_bytes_received_during_a_pause_are_read_before_the_timeout(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch, late: bytes
) -> None:
    """A loop may serve the timer first."""
    connected: list[Relayed] = []

    async def read() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        timers: list[Callable[[], object]] = []

        class Loop:
            """The loop, but for the clock."""

            def __getattr__(self, name: str) -> Any:
                return getattr(loop, name)

            def call_later(self, delay: float, callback: Any, *arguments: Any) -> asyncio.TimerHandle:
                timers.append(lambda: callback(*arguments))
                return loop.call_later(delay, callback, *arguments)

        with ours, theirs:
            stub: Any = Loop()
            ours.send(HEADER[:10])
            heading = Heading(TrustedProxies(["unix"]), 600.0)
            monkeypatch.setattr(TrustedProxies, "trust_peer", lambda self, peer: True)
            heading.read(stub, theirs, "", connected.append)
            ours.send(late)
            [time_is_up] = timers
            time_is_up()
            assert (theirs.fileno() == -1) is (not late)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(read())
    assert len(connected) == (1 if late else 0)
