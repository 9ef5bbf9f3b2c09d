"""A backend of somebody else's: installed as a distribution, or named ``module:attribute``."""

import asyncio
import shutil
import signal
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Context

from kyoukai import Feature
from kyoukai.asphalt import KyoukaiComponent
from kyoukai.backends.h2_ import H2Backend

from .environments import install
from .processes import QUICK, asphalt_run, kyoukai_run, python, write_application
from .serving import PATIENCE, Client

EXAMPLE = Path(__file__).parent.parent / "examples" / "backend"

CONFIG = """
component:
  type: kyoukai
  app: served:app
  port: 0
  backend: {backend}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a virtual environment in which pip has installed the example."""
    folder = tmp_path_factory.mktemp("environment")
    project = shutil.copytree(EXAMPLE, folder / "project")
    interpreter = install(project, folder)
    # Nothing but what pip has installed can be what the tests find.
    shutil.rmtree(project)
    return interpreter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_application(tmp_path)
    return tmp_path


def test_an_installed_backend_is_listed(installed: str, folder: Path) -> None:
    with python("-m", "kyoukai", "backends", folder=folder, python=installed) as process:
        assert process.finish() == 0
    rows = [line.split() for line in process.stdout.splitlines()]
    metadata = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    h2_features = ", ".join(feature for feature in Feature if feature in H2Backend.features)
    assert rows == [
        ["NAME", "DISTRIBUTION", "VERSION", "CONTRACT", "FEATURES"],
        ["example", "kyoukai-example-backend", metadata["version"], "1", "all"],
        ["h2", "kyoukai", version("kyoukai"), "1", *h2_features.split()],
        ["httptools", "kyoukai", version("kyoukai"), "1", "all"],
        ["reference", "kyoukai", version("kyoukai"), "1", "all"],
    ]


def test_the_script_of_the_environment_lists_it(installed: str, folder: Path) -> None:
    """What is installed beside Kyoukai changes nothing where it is not."""
    with python("-m", "kyoukai", "backends", folder=folder) as process:
        assert process.finish() == 0
    assert "kyoukai-example-backend" not in process.stdout


def test_an_installed_backend_serves(installed: str, folder: Path) -> None:
    (folder / "config.yaml").write_text(CONFIG.format(backend="example"))
    with python("-m", "asphalt", "run", "config.yaml", folder=folder, python=installed) as process:
        process.wait_for(r"serves http://127\.0\.0\.1:\d+ \(backend example, loop asyncio\)")
        with process.connect() as client:
            for _ in range(2):
                answer = client.request(QUICK)
                assert (answer.status, answer.body) == (200, b"answer to /quick")
            # The policy is above every backend.
            assert client.request(b"GET / HTTP/1.1\r\n\r\n").status == 400
        with process.connect() as client:
            assert client.request(b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n").status == 400
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_a_name_near_an_installed_one_is_suggested(installed: str, folder: Path) -> None:
    command = ("-m", "kyoukai", "run", "served:app", "--backend", "exampel")
    with python(*command, folder=folder, python=installed) as process:
        assert process.finish() == 1
    message = "unknown backend 'exampel'; did you mean example? known: example, h2, httptools, reference"
    assert process.stderr == f"Error: {message}\n"


# The contract's lower storey alone: a protocol that knows nothing of Kyoukai.
STOREY = """
import asyncio

from kyoukai import Backend


connections = []


class Fixed(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.lost = asyncio.Event()
        connections.append(self)

    def connection_lost(self, exc):
        self.lost.set()

    def data_received(self, data):
        self.task = asyncio.ensure_future(self.answer())

    async def answer(self):
        for _ in range(100):
            await asyncio.sleep(0)
        self.transport.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nfixed")


class FixedBackend(Backend):
    api_version = 1

    def create_protocol(self, component, parent_context, server_ip, server_port):
        return Fixed()
"""

FIXED = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nfixed"


@pytest.fixture
def storey(folder: Path) -> Path:
    (folder / "storey.py").write_text(STOREY)
    return folder


def ask(client: Client) -> None:
    client.send(QUICK)
    assert client.receive_exactly(len(FIXED)) == FIXED


def test_a_backend_of_the_lower_storey_serves_and_stops(storey: Path) -> None:
    with asphalt_run(CONFIG.format(backend="storey:FixedBackend"), storey) as process:
        process.wait_for(r"\(backend storey:FixedBackend, loop asyncio\)")
        with process.connect() as client:
            ask(client)
            process.send(signal.SIGTERM)
            # Its connection is open still, and the stop is not held up by it.
            assert process.finish() == 0
            with pytest.raises((EOFError, ConnectionError)):
                client.receive_exactly(1)
    assert "Traceback" not in process.stderr


def test_a_backend_of_the_lower_storey_on_uvloop(storey: Path) -> None:
    options = ("--port", "0", "--loop", "uvloop", "--backend", "storey:FixedBackend")
    with kyoukai_run("served:app", *options, folder=storey) as process:
        process.wait_for(r"\(backend storey:FixedBackend, loop uvloop\)")
        with process.connect() as client:
            ask(client)
            process.send(signal.SIGINT)
            assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_a_stop_does_not_wait_for_the_connections_of_the_lower_storey(
    storey: Path, monkeypatch: pytest.MonkeyPatch, loop_factory: Any
) -> None:
    """They are not on the server's list, so their backend ends them, or the loop's end does."""
    monkeypatch.syspath_prepend(storey)

    async def live() -> None:
        async with Context() as ctx:
            component = KyoukaiComponent("served:app", port=0, backend="storey:FixedBackend")
            await component.start(ctx)
            reader, writer = await asyncio.open_connection(*component.address)
            writer.write(QUICK)
            assert await reader.readexactly(len(FIXED)) == FIXED
        # It is still open, and nobody waited for it.
        [connection] = sys.modules["storey"].connections
        assert not reader.at_eof()
        assert not connection.lost.is_set()
        writer.close()
        # A transport that outlives its loop is a warning in whatever test comes next.
        await connection.lost.wait()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(asyncio.wait_for(live(), PATIENCE))
