"""Processes that stand still, as in a container that is paused: when they go on, all timers are due."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.limits import Limits
from kyoukai.server.supervisor import watch
from kyoukai.server.supervisor.channel import Channel, pair
from kyoukai.server.supervisor.process import State
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.watch import Watch
from kyoukai.server.supervisor.worker import Worker

from ...processes import python
from ...serving import Client
from .supervised import APPLICATION, NEW, READY, Supervised, supervised, wait_until, write

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"

# Who stands still does so while the loop waits for what comes, a moment after a step of its end has begun.
STANDING_STILL = """
import os, signal, threading
from kyoukai.core.serving.server_state import Server

before = Server.{step}


async def begin(self, *arguments):
    threading.Timer(0.05, os.{kill}, (os.{whom}(), signal.SIGSTOP)).start()
    print("it begins", file=sys.stderr, flush=True)
    await before(self, *arguments)

Server.{step} = begin
"""

SERVED = """
from kyoukai.server.supervisor import decisions, process, worker

worker.IDLE_GRACE = 2.0
process.GRACE = 3.0
decisions.SPARE = -17.0

import app

app.app.run(port=0, workers=1, loop={loop!r}, backend={backend!r}, start_timeout=10, access_log=False,
            limits={{"shutdown_timeout": 2, "background_timeout": 0}})
"""


@contextlib.contextmanager
def served(
    folder: Path, text: str = "", loop: str = "uvloop", backend: str = "httptools"
) -> Iterator[Supervised]:
    """Serve with times that are short, and with more than the application in its module."""
    write(folder, APPLICATION + text)
    (folder / "served.py").write_text(SERVED.format(loop=loop, backend=backend))
    with python("served.py", folder=folder, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        try:
            yield Supervised(process, folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)


def stands_still(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def let_pass(seconds: float) -> None:
    """Let time pass: the clock is what is tested here."""
    signal.sigtimedwait([], seconds)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_requests_to_a_suspended_old_worker_are_answered(tmp_path: Path, backend: str, loop: str) -> None:
    """Idle connections have two seconds for another request, which lies unread until it goes on."""
    text = STANDING_STILL.format(step="retire", kill="kill", whom="getpid")
    with served(tmp_path, text, loop, backend) as server, contextlib.ExitStack() as stack:
        [old] = server.workers(1)
        clients = [stack.enter_context(Client(("127.0.0.1", server.port))) for _ in range(8)]
        for client in clients:
            client.send(GET)
            assert client.receive().status == 200
        server.signal(signal.SIGHUP)
        wait_until(lambda: stands_still(old))
        for client in clients:
            client.send(GET)
        let_pass(2.5)
        os.kill(old, signal.SIGCONT)
        for client in clients:
            answer = client.receive()
            assert answer.body.decode() == f"{old} one"
            assert answer.fields["connection"] == "close"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_suspended_stop_cuts_no_request_off(tmp_path: Path, loop: str) -> None:
    """Neither does the worker, nor is it killed by the supervisor: both stand still together."""
    text = STANDING_STILL.format(step="stop", kill="killpg", whom="getpgrp")
    with served(tmp_path, text, loop) as server:
        [worker] = server.workers(1)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(SLOW)
            server.process.wait_for("begun")
            server.signal(signal.SIGTERM)
            wait_until(lambda: stands_still(worker) and stands_still(server.process.pid))
            # As long as the worker's steps take, and the supervisor waits beside.
            let_pass(7.5)
            os.killpg(server.process.pid, signal.SIGCONT)
            server.release()
            assert client.receive().body.decode() == f"{worker}"
        server.process.wait_for(r"has ended \(stop\): exit status 0")
        server.finish()
    assert "cutting off" not in server.process.stderr


def test_successor_that_was_ready_in_time_is_kept(tmp_path: Path) -> None:
    """The old one, which stood still, reads that late."""
    with served(tmp_path) as server:
        server.workers(1)
        server.signal(signal.SIGUSR2)
        server.process.wait_for(NEW)
        with server.process.standing_still():
            server.process.wait_for(READY, 2)
            let_pass(3.5)
        server.process.wait_for("upgraded: the new supervisor")
        assert server.process.end() == 0
        server.signal(signal.SIGTERM)
        server.finish()


def test_suspended_supervisor_takes_no_worker_for_hanging(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2", "--worker-timeout", "4") as server:
        server.workers(2)
        with server.process.standing_still():
            let_pass(5)
        # It has looked at them when a third one is there.
        server.signal(signal.SIGTTIN)
        workers = server.workers(3)
        server.answering(until=lambda answers: answers == {f"{pid} one" for pid in workers})
        assert "hangs" not in server.process.stderr


def test_hanging_worker_is_found_as_soon_as_before_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was heard after a pause is not excused for it as well."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: clock.now))
    ends: list[float] = []

    class Hanging:
        """A worker that is heard of until the pause is over."""

        name, reason, requests, began, memory = "worker 1", "", 0, 100.0, 0
        state, heard = State.SERVING, 100.0
        recycling = SimpleNamespace(reason=lambda *served: None)

        def read(self) -> None:
            """Read what was sent during the pause."""
            if clock.now <= 160.0:
                self.heard = clock.now

        def kill(self, *, with_stacks: bool) -> None:
            """Take note."""
            ends.append(clock.now)

    slot: Any = SimpleNamespace(current=Hanging(), is_orphaned=False, rest_until=0.0, successor=None)
    slots: Any = SimpleNamespace(opened=[slot])

    async def look() -> None:
        looks = Watch(Supervision(worker_timeout=1.0), slots, lambda: True)
        looks.begin()
        clock.now = 160.0
        while not ends and clock.now < 200.0:
            looks.begin()
            clock.now += 0.2

    asyncio.run(look())
    assert ends == [pytest.approx(161.2)]


def test_resumed_supervisor_learns_that_a_worker_is_ready() -> None:
    """There was no room for it behind the signs of life."""
    ours, theirs = pair()
    worker = Worker(Channel(theirs))

    async def start() -> list[str]:
        kinds = []
        getting = asyncio.create_task(worker.descriptors())
        ours.send("sockets", counts=[], recycles=False, has_region=False)
        assert await getting == []
        entrance: Any = SimpleNamespace(urls=[])
        server: Any = SimpleNamespace(limits=Limits(), observe=None)
        worker.begin(entrance, server, lambda: None, {"backend": "httptools"})
        while worker._channel.send("beat", lag=0.0, requests=0):
            pass
        worker.report_ready()
        while "ready" not in kinds:
            message = ours.receive()
            if message is None:
                await asyncio.sleep(0.01)
            else:
                kinds.append(message.kind)
        asyncio.get_running_loop().remove_reader(worker._channel.fileno())
        return kinds

    kinds = asyncio.run(asyncio.wait_for(start(), 20))
    assert kinds.count("ready") == 1
    assert kinds.count("beat") > 1
    ours.close()
    worker._channel.close()
