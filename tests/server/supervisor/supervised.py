"""A supervisor with workers in processes of their own, and what tests ask of it."""

import contextlib
import http.client
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...processes import Process, kyoukai_run
from ...serving import PATIENCE, Client, message

READY = re.compile(r"worker (?P<slot>\d+) \(pid (?P<pid>\d+)\) is ready")
NEW = re.compile(r"started the new supervisor \(pid (\d+)\)")
ADMIN = re.compile(r"/livez, /readyz and /metrics are at http://127\.0\.0\.1:(\d+)")

# `/` tells the worker and the version of the application; `/block` stops the loop for good, and `/pause`
# computes for as many seconds as the query says, with pauses; `/slow` says that it has begun, and answers
# when the file `release` is there.
APPLICATION = """
import asyncio
import os
import sys
import time

from kyoukai.web import Kyoukai

VERSION = "one"

app = Kyoukai("supervised")
held = []


@app.route("/")
async def index(ctx):
    return f"{os.getpid()} {VERSION}"


@app.route("/block")
async def block(ctx):
    while True:
        time.sleep(0.1)


@app.route("/pause")
async def pause(ctx):
    end = time.monotonic() + float(ctx.request.args["seconds"])
    while time.monotonic() < end:
        pause = time.monotonic() + 0.05
        while time.monotonic() < pause:
            pass
        await asyncio.sleep(0)
    return f"{os.getpid()}"


@app.route("/slow")
async def slow(ctx):
    print("begun", file=sys.stderr, flush=True)
    while not os.path.exists("release"):
        await asyncio.sleep(0.01)
    return f"{os.getpid()}"


@app.route("/leak")
async def leak(ctx):
    held.append(os.urandom(1 << 20))
    return f"{os.getpid()}"


@app.route("/echo", methods=["POST"])
async def echo(ctx):
    return str(len(ctx.request.get_data()))
"""


class Supervised:
    """A supervisor's process, and its workers'."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self.folder = folder

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self.process.url.rpartition(":")[2])

    def get(self, path: str = "/") -> str:
        """Return the answer to a request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def workers(self, count: int) -> list[int]:
        """Return the numbers of the processes of workers, when ``count`` of them have ever been ready."""
        self.process.wait_for(READY, count)
        return [int(match["pid"]) for match in READY.finditer(self.process.stderr)]

    def answering(self, *, until: Callable[[set[str]], bool]) -> set[str]:
        """Return who answers, asked until they are as the condition says."""
        end = time.monotonic() + PATIENCE
        answers: set[str] = set()
        while time.monotonic() < end:
            answers = {self.get() for _ in range(32)}
            if until(answers):
                return answers
        raise AssertionError(f"answers came from {answers}; the log says:\n{self.process.stderr}")

    def release(self) -> None:
        """Have `/slow` answer."""
        (self.folder / "release").touch()

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal: the one that serves, of those that have followed each other."""
        send(self.process, number)

    def upgrade(self, count: int) -> int:
        """Have a new supervisor take the place of this one, the ``count``-th; return its number."""
        self.signal(signal.SIGUSR2)
        self.process.wait_for("upgraded: the new supervisor", count)
        return supervisors(self.process)[-1]

    def finish(self, status: int = 0) -> None:
        """Wait until the supervisor has ended, and all its workers."""
        assert self.process.finish() == status, self.process.stderr


def supervisors(process: Process) -> list[int]:
    """Return the numbers of the processes of supervisors, in the order in which they have been started."""
    return [process.pid, *(int(match[1]) for match in NEW.finditer(process.stderr))]


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to the supervisor that serves."""
    serving = re.findall(r"upgraded: the new supervisor \(pid (\d+)\)", process.stderr)
    if serving:
        os.kill(int(serving[-1]), number)
    else:
        process.send(number)


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, as one whose parent may be gone tells."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def ask_for_the_last_time(client: Client) -> None:
    """Ask on a kept connection of a worker of the first version until the answer says that it is the last.

    The next one is, as soon as the worker has read that another takes its place: others may serve before.
    """
    while True:
        client.send(message())
        answer = client.receive()
        assert answer.body.decode().endswith(" one")
        if "connection" in answer.fields:
            assert answer.fields["connection"] == "close"
            return


def write(folder: Path, text: str = APPLICATION) -> None:
    """Write an application. Its bytecode is not kept: two versions may be of one second and one size."""
    (folder / "app.py").write_text(text)


@contextlib.contextmanager
def supervised(
    folder: Path, *arguments: str, text: str = APPLICATION, bind: str = "127.0.0.1:0"
) -> Iterator[Supervised]:
    """Run an application by workers while the block runs.

    :param text: its source.
    """
    write(folder, text)
    with kyoukai_run(
        "app:app",
        "--bind",
        bind,
        "--no-access-log",
        *arguments,
        folder=folder,
        environ={"PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        try:
            yield Supervised(process, folder)
        finally:
            for match in READY.finditer(process.stderr):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(match["pid"]), signal.SIGCONT)
