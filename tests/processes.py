"""Servers in processes of their own: start, watch, signal and always end them."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from .serving import PATIENCE, Client

SERVES = re.compile(
    r"serves (?P<urls>(?P<url>(?:https?|unix):[^\s,]+).*) \(backends? (?P<backend>.+), loop (?P<loop>\w+)"
)

# A request that is answered at once on a persistent connection.
QUICK = b"GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n"

SLOW = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"

# `/slow` answers once the process gets SIGUSR1, `/endless` never, all other paths soon. The loop's runner
# needs a few turns between the start of the server and its own readiness for signals. A client that has an
# answer may send one.
APPLICATION = """
import asyncio
import signal
import sys

from werkzeug.wrappers import Request, Response

released = asyncio.Event()


class Application:
    request_class = Request

    async def process_request(self, request, parent_context):
        if request.path == "/slow":
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, released.set)
            print("begun", file=sys.stderr, flush=True)
            await released.wait()
        if request.path == "/endless":
            print("begun", file=sys.stderr, flush=True)
            await asyncio.Event().wait()
        for _ in range(100):
            await asyncio.sleep(0)
        return Response(f"answer to {request.path}")


app = Application()
"""


class Process:
    """A Python process whose output is read continuously.

    :param arguments: the arguments after ``python`` on the command line.
    :param folder: the working directory; its modules can be imported.
    :param environ: environment variables to set.
    :param python: the interpreter.
    """

    patience = PATIENCE
    """Seconds to wait for a line of the log."""
    lacks: frozenset[str] = frozenset()
    """Features that not every server has and that Kyoukai lacks: see :mod:`tests.exported.peers`."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environ: dict[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        own = {
            "PYTHONPATH": str(folder),
            "PYTHONUNBUFFERED": "1",
            # A test would have to expect asyncio's warnings of slow callbacks.
            "PYTHONDEVMODE": "",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        self._popen = subprocess.Popen(
            [python, *arguments],
            cwd=folder,
            env={**os.environ, **own, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Without a terminal of its own, the process cannot prompt.
            start_new_session=True,
        )
        self.stdout = ""
        self.stderr = ""
        self._open = 2
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream: IO[str] = getattr(self._popen, name)
        with stream:
            for line in stream:
                with self._changed:
                    setattr(self, name, getattr(self, name) + line)
                    self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def log(self) -> str:
        """The log output of the process."""
        return self.stderr

    def wait_for(self, pattern: str | re.Pattern[str], count: int = 1) -> re.Match[str]:
        """Wait until the log has ``count`` matches of the pattern, and return the last one."""
        compiled = re.compile(pattern)

        def matches() -> list[re.Match[str]]:
            return list(compiled.finditer(self.log))

        with self._changed:
            self._changed.wait_for(lambda: len(matches()) >= count or not self._open, self.patience)
            found = matches()
        if len(found) < count:
            raise AssertionError(f"{pattern!r} did not come {count} times; it said:\n{self.log}")
        return found[count - 1]

    @property
    def url(self) -> str:
        """The URL in the log; waits until the server serves."""
        return self.wait_for(SERVES)["url"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the process fulfils a condition."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end or self._popen.poll() is not None:
                raise AssertionError(f"it did not come about; the process said:\n{self.stderr}")
            time.sleep(0.01)

    def connect_to(self, line: str) -> Client:
        """Open a raw connection to the address that a log line names."""
        found = SERVES.search(line)
        if found is None:
            raise AssertionError(f"{line!r} does not say what is served")
        host, _, port = found["url"].rpartition("//")[2].rpartition(":")
        return Client((host, int(port)))

    def connect(self) -> Client:
        """Open a raw connection once the server serves."""
        scheme, _, rest = self.url.partition(":")
        if scheme == "unix":
            return Client(rest)
        host, _, port = rest.removeprefix("//").rpartition(":")
        return Client((host, int(port)))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process only."""
        self._popen.send_signal(number)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Suspend the process during the block; its input waits."""
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self._popen.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def finish(self) -> int:
        """Wait until the process and all its children have ended by themselves; return its exit status."""
        status = self.end()
        self._join()
        return status

    def end(self) -> int:
        """Wait until the process has ended by itself, and return its exit status."""
        try:
            return self._popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the process does not end; it said:\n{self.stderr}") from None

    def kill(self) -> None:
        """Kill the process and all that remains of its process group."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(PATIENCE)
        if self._open:
            # The group id is not reused while a member of the group holds the output open.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._join()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(PATIENCE)


@contextlib.contextmanager
def python(
    *arguments: str, folder: Path, environ: dict[str, str] | None = None, python: str = sys.executable
) -> Iterator[Process]:
    """Run Python during the block."""
    process = Process(*arguments, folder=folder, environ=environ, python=python)
    try:
        yield process
    finally:
        process.kill()


@contextlib.contextmanager
def kyoukai_run(*arguments: str, folder: Path, environ: dict[str, str] | None = None) -> Iterator[Process]:
    """Run ``kyoukai run`` during the block."""
    with python("-m", "kyoukai", "run", *arguments, folder=folder, environ=environ) as process:
        yield process


@contextlib.contextmanager
def asphalt_run(config: str, folder: Path, environ: dict[str, str] | None = None) -> Iterator[Process]:
    """Run ``asphalt run`` with the text of a configuration file during the block."""
    path = folder / "config.yaml"
    path.write_text(config)
    with python("-m", "asphalt", "run", str(path), folder=folder, environ=environ) as process:
        yield process


def write_application(folder: Path, name: str = "served") -> None:
    """Write :data:`APPLICATION` as a module into ``folder``."""
    (folder / f"{name}.py").write_text(APPLICATION)


def wait_until_stopping(idle: Client) -> None:
    """Wait until the server has begun to stop: it closes an idle connection."""
    if rest := idle.receive_rest():
        raise AssertionError(f"before it closed, it said {rest!r}")


def namespaces_are_allowed() -> bool:
    """Whether the system allows a PID namespace, in which we are the first process, as in a container."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "--pid", "--fork", "--kill-child", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def network_namespaces_are_allowed() -> bool:
    """Whether the system allows a network namespace of our own with a device that carries its packets."""
    unshare = shutil.which("unshare")
    if unshare is None or not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return False
    command = [unshare, "--map-root-user", "--net", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
