"""The chat in a process of its own, as its README says, on each backend and by other servers."""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from ..conftest import BACKENDS
from ..exported.peers import PEERS
from ..processes import Process
from ..served_examples import copy_example, served_example
from ..serving import PATIENCE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "chat"


class Site:
    """A chat that is served.

    :param process: serves it.
    :param folder: where it keeps its history.
    """

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.url = process.url
        self.lacks = process.lacks

    @contextlib.contextmanager
    def open(self, target: str, **options: Any) -> Iterator["Person"]:
        """Open a WebSocket while the block runs."""
        url = self.url.replace("http", "ws", 1) + target
        with connect(url, proxy=None, open_timeout=PATIENCE, close_timeout=PATIENCE, **options) as socket:
            yield Person(socket)

    @contextlib.contextmanager
    def enter(self, name: str, room: str, after: int = 0, **options: Any) -> Iterator["Person"]:
        """Be in a room while the block runs."""
        with self.open(
            f"/rooms/{quote(room)}?{urlencode({'name': name, 'after': after})}", **options
        ) as person:
            yield person


class Person:
    """Somebody in a room."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def receive(self, kind: str) -> dict[str, Any]:
        """Return the next that comes, which is of a kind."""
        message: dict[str, Any] = json.loads(self.socket.recv(PATIENCE))
        assert message["type"] == kind, message
        return message

    def hear(self) -> list[str]:
        """Return the texts of the messages that come next."""
        return [message["text"] for message in self.receive("messages")["messages"]]

    def see(self, *names: str) -> None:
        """Wait for the next news of who is here, and check who is."""
        assert self.receive("people")["names"] == list(names)

    def send(self, text: Any) -> None:
        """Send a text, and do not wait."""
        self.socket.send(json.dumps({"text": text}))

    def say(self, text: str) -> None:
        """Say something, and take it as one of those who are here."""
        self.send(text)
        assert self.hear() == [text]
        self.receive("said")

    def closing(self) -> tuple[int, str]:
        """Wait until the server closes, whatever comes before, and return code and reason."""
        with pytest.raises(ConnectionClosed) as caught:
            self._receive_all()
        assert caught.value.rcvd is not None
        return caught.value.rcvd.code, caught.value.rcvd.reason

    def _receive_all(self) -> None:
        while True:
            self.socket.recv(PATIENCE)


@contextlib.contextmanager
def served(folder: Path, server: str, **settings: str) -> Iterator[Site]:
    """Serve the chat of a folder, and check by the end that nothing went wrong.

    :param settings: further ones of our own server.
    """
    with served_example(folder, server, **settings) as process:
        yield Site(process, folder)


def copy_to(folder: Path) -> Path:
    """Copy the chat, without what was said where it is, and return where it is now."""
    return copy_example(EXAMPLE, folder)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The folder of a chat in which nothing was said."""
    return copy_to(tmp_path)


@pytest.fixture(scope="module", params=[*BACKENDS, *PEERS])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A chat that the tests of a module share, on each backend and by other servers; each test has rooms
    of its own."""
    with served(copy_to(tmp_path_factory.mktemp("site")), request.param) as site:
        yield site


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load a module of the chat in this process, gone after the test."""
    monkeypatch.syspath_prepend(EXAMPLE)

    def load(name: str) -> ModuleType:
        return importlib.import_module(f"chat.{name}")

    yield load
    for name in [name for name in sys.modules if name.partition(".")[0] == "chat"]:
        del sys.modules[name]
