"""Examples that another server serves, with the face of :class:`tests.serving.Running`."""

import contextlib
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from pathlib import Path
from typing import Any

from ..serving import PATIENCE, Answer, Client
from .peers import ROOT, PeerProcess, address_of, peer
from .shelf import VARIABLE


class Shelf:
    """A server of another kind, which serves one example after the other.

    :param process: the server.
    :param path: of the socket by which it is told so.
    """

    by_http2 = False

    def __init__(self, process: PeerProcess, path: str) -> None:
        self.process = process
        self.lacks = process.lacks
        self.url = process.url
        self.backend_name = "asgi"
        self._connection = open_connection(process, path)
        self._seen = 0

    def ask(self, *message: Any) -> Any:
        """Have something done in the server's process, and return what comes of it."""
        self._connection.send(message)
        outcome, value = self._connection.recv()
        if outcome == "raised":
            raise AssertionError(f"{message}: {value}; it said:\n{self.process.log}")
        return value

    def take(self, path: Path, **settings: Any) -> "Remote":
        """Serve the application of an example, and return its module."""
        self.ask("take", str(path), settings)
        return Remote(self, [])

    def only(self, name: str) -> "Remote":
        """Return the one instance that there is of a class of the example's module."""
        self.ask("keep_only", name)
        return Remote(self, [name.lower()])

    # The face of what runs here

    def connect(self) -> Client:
        """Open a raw connection."""
        return Client(address_of(self.url))

    def request(self, data: bytes, method: str = "GET") -> Answer:
        """Send ``data`` on a connection of its own and return the first answer."""
        with self.connect() as client:
            return client.request(data, method)

    def call(self, function: Any, *args: Any) -> Any:
        """Call a function; of a module, it is called in the server's loop."""
        return function(*args)

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"it did not come about; the server said:\n{self.process.log}"
            time.sleep(0.005)

    def wait_until_empty(self) -> None:
        """Wait until no request is under way."""
        self.wait_until(lambda: self.ask("count") == 0)

    def stop(self) -> None:
        """Stop the example, and check that nothing went wrong behind the scenes."""
        self.wait_until_empty()
        self.ask("end")
        said, self._seen = self.process.log[self._seen :], len(self.process.log)
        assert "Traceback" not in said, said


def open_connection(process: PeerProcess, path: str) -> connection.Connection:
    """Open the socket that the server's process listens to once it serves."""
    found: list[connection.Connection] = []

    def is_open() -> bool:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            found.append(connection.Client(path, "AF_UNIX"))
        return bool(found)

    process.until(is_open)
    return found[0]


class Remote:
    """Something in the module of an example, in its server's process: what can be sent is got from there."""

    def __init__(self, shelf: Shelf, names: list[str]) -> None:
        vars(self).update(_shelf=shelf, _names=names)

    def __getattr__(self, name: str) -> Any:
        names = [*self._names, name]
        can_be_sent, value = self._shelf.ask("get", names)
        return value if can_be_sent else Remote(self._shelf, names)

    def __setattr__(self, name: str, value: Any) -> None:
        self._shelf.ask("put", [*self._names, name], value)

    def __len__(self) -> int:
        return int(self._shelf.ask("size", self._names))

    def __call__(self, *args: Any) -> None:
        self._shelf.ask("call", self._names, args)


@contextlib.contextmanager
def shelf(name: str) -> Iterator[Shelf]:
    """Run a server while the block runs, and check that it stops as it does."""
    # The path of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/shelf"
        environ = {VARIABLE: path, "PYTHONPATH": str(ROOT)}
        with peer(name, "tests.exported.shelf:asgi", Path(folder), environ) as process:
            yield Shelf(process, path)
            process.send(signal.SIGTERM)
            assert process.finish() == 0, process.log
