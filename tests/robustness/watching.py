"""What must hold while a server is attacked and afterwards, and how it is measured.

The server is a process of its own. Its resident memory and its descriptors are read from /proc, what
runs inside it is asked of it by a bystander: a client on a connection of its own, which is served
throughout the attack or fails the test.
"""

import contextlib
import json
import os
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..processes import Process
from ..serving import PATIENCE, Client, message

ROOT = Path(__file__).parents[2]

KIB = 1024
MIB = 1024 * KIB

# Bytes for a connection: its protocol, its transport, and a request of which little is held.
PER_CONNECTION = 10 * KIB

# Bytes for a handler: its task, its context, the request that it has and the answer that it makes.
PER_HANDLER = 10 * KIB

# Bytes for an answer on its way: asyncio's high-water mark, and a piece above it with what it is made of.
PER_ANSWER = 3 * 64 * KIB

# Bytes that a process gains by running on: arenas half filled, caches, what a thread has to itself.
SLACK = 2 * MIB

# How often the bystander asks: often enough to be in everybody's way, and seldom enough to leave the
# processor to the attack.
PACE = 0.01

# What nobody but the server's own programmer can be to blame for.
FAULTS = re.compile(
    r".* (?:ERROR|CRITICAL) .*|.*Traceback.*|.*Task was destroyed.*|.*never retrieved.*|.*never awaited.*"
    r"|.*(?:Resource|Runtime|Deprecation)Warning.*"
)

# That it serves, that it has stopped, and what it had to cut off.
MOST_LOG_LINES = 10


class Bystander:
    """A client who asks for `/state`, again and again, in a thread of its own."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._client = Client(address)
        self._changed = threading.Condition()
        self._leaving = threading.Event()
        self.answers = 0
        self.state: dict[str, Any] = {}
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bystander", daemon=True)
        self._thread.start()
        self.is_served()

    def _run(self) -> None:
        try:
            while not self._leaving.wait(PACE):
                answer = self._client.request(message("GET", "/state"))
                with self._changed:
                    if answer.status != 200:
                        raise AssertionError(f"the bystander got {answer!r}")
                    self.state = json.loads(answer.body)
                    self.answers += 1
                    self._changed.notify_all()
        except BaseException as error:
            with self._changed:
                self.failure = error
                self._changed.notify_all()

    def wait_until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until ``condition`` holds for an answer not yet begun, and return that answer."""
        with self._changed:
            # The next one may have been on its way already.
            first = self.answers + 2
            held = self._changed.wait_for(
                lambda: self.failure or (self.answers >= first and condition(self.state)), PATIENCE
            )
            if self.failure is not None:
                raise AssertionError("the bystander is not served") from self.failure
            if not held:
                raise AssertionError(f"this state does not change: {self.state}")
            return self.state

    def is_served(self) -> None:
        """Wait until it has been answered a few times more."""
        for _ in range(3):
            self.wait_until(lambda state: True)

    def leave(self) -> None:
        """Stop asking, and close the connection."""
        self._leaving.set()
        self._thread.join(PATIENCE)
        self._client.socket.close()


class Target(Process):
    """A server in a process of its own, watched by a bystander.

    :param folder: where it runs.
    :param settings: those of the component, and ``loop``.
    """

    module = "tests.robustness.target"
    """What is run."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        options = ("-W", "always::ResourceWarning", "-m", self.module)
        super().__init__(*options, json.dumps(settings), folder=folder, environ={"PYTHONPATH": str(ROOT)})
        self.name = f"{settings['backend']}, {settings['loop']}"
        try:
            host, _, port = self.url.removeprefix("http://").rpartition(":")
            self.address = (host, int(port))
            self._warm_up()
            self.bystander = Bystander(self.address)
            self.bystander.wait_until(lambda state: state["connections"] == 1)
        except BaseException:
            self.kill()
            raise
        self.descriptors_at_rest = self.descriptors()

    def _warm_up(self) -> None:
        """Have it import, and allocate, what a first request of each kind needs."""
        for target in ("/", "/large", "/stream", "/iterated"):
            with Client(self.address) as client:
                client.send(message("POST", target, body=bytes(1000)))
                client.receive_head()
        with Client(self.address) as client:
            client.request(b"\0\r\n\r\n")

    def memory(self, name: str) -> int:
        """Return VmRSS, the resident memory, or VmHWM, the most that it was; in bytes."""
        status = Path(f"/proc/{self._popen.pid}/status").read_text()
        (kibibytes,) = re.findall(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        return int(kibibytes) * 1024

    def forget_peak(self) -> None:
        """Let VmHWM begin anew, at VmRSS."""
        Path(f"/proc/{self._popen.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        """Return how many descriptors the process has open."""
        return len(os.listdir(f"/proc/{self._popen.pid}/fd"))

    def wait_until_alone(self) -> None:
        """Wait until nothing is left but the bystander's connection."""
        self.bystander.wait_until(
            lambda state: state["connections"] == 1 and not state["handlers"] and not state["streams"]
        )

    @contextlib.contextmanager
    def withstands(self, most_growth: int) -> Iterator[Bystander]:
        """Check that the block, an attack, does no harm.

        :param most_growth: bytes by which the process may grow meanwhile.
        """
        before, answers = self.memory("VmRSS"), self.bystander.answers
        self.forget_peak()
        yield self.bystander
        answers = self.bystander.answers - answers
        self.bystander.is_served()
        growth, left = self.memory("VmHWM") - before, self.memory("VmRSS") - before
        self.wait_until_alone()
        poll(lambda: self.descriptors() <= self.descriptors_at_rest)
        print(
            f"[{self.name}] grew by {growth / MIB:.1f} MiB of {most_growth / MIB:.1f}, "
            f"{left / MIB:.1f} at the end; {self.descriptors()} descriptors of {self.descriptors_at_rest}; "
            f"{answers} answers to the bystander meanwhile"
        )
        assert growth <= most_growth
        assert answers >= 3, "nobody knows whether others were served"
        self.check_census()

    def check_census(self) -> None:
        """Check that of all the connections there is nothing left in memory, however small."""
        with Client(self.address) as client:
            census = json.loads(client.request(message("GET", "/census")).body)
        # The bystander's, and the one that asks.
        assert census["protocols"] <= 2, census
        assert census["exchanges"] <= 2, census

    def check_log(self) -> None:
        """Check that the log has no fault in it, nor a line for all that a client does."""
        assert not FAULTS.findall(self.stderr), self.stderr
        assert len(self.stderr.splitlines()) <= MOST_LOG_LINES, self.stderr


def poll(condition: Callable[[], bool]) -> None:
    """Wait until something holds of which nobody tells."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it does not come true")
        time.sleep(0.005)


@contextlib.contextmanager
def many_descriptors() -> Iterator[None]:
    """Let this process, and those that it starts, open as many descriptors as they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_supported() -> bool:
    """Return whether the system has what is measured with."""
    return sys.platform == "linux" and os.access("/proc/self/clear_refs", os.W_OK)
