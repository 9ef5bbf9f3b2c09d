import asyncio
import contextlib
import functools
import gc
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
import uvloop

from kyoukai.core.contract import registry
from kyoukai.core.contract.registry import registrations

# Its checks are assertions too, and hold under `python -O` where pytest rewrites them.
pytest.register_assert_rewrite(
    "tests.asgi.export.calls",
    "tests.environments",
    "tests.exported.shelves",
    "tests.logged",
    "tests.served_examples",
    "tests.server.supervisor.supervised",
    "tests.serving",
)

from .corpus_report import pytest_terminal_summary as pytest_terminal_summary  # noqa: E402
from .exported.peers import PEERS  # noqa: E402
from .exported.shelves import Shelf, shelf  # noqa: E402
from .serving import Running  # noqa: E402

# They ship with this distribution. One that is not registered fails its tests; none is skipped.
OURS = ("httptools", "reference")
HTTP2 = "h2"
BACKENDS = sorted({*OURS, *(registration.name for registration in registrations())} - {HTTP2})
"""Those that speak HTTP/1.1."""

# For a run on another version, where the whole of them have run on this one.
hypothesis.settings.register_profile("fewer", max_examples=10)

OUR_DEFAULT = "kyoukai"
"""Our own server, as it is where nothing is said of its backend."""

EXAMPLES = Path(__file__).parent.parent / "examples"

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "every_wire: also run by HTTP/2, on one loop")
    config.addinivalue_line("markers", "http1: in a module of every wire, is of HTTP/1 alone")
    config.addinivalue_line("markers", "every_backend: serve the example on each backend and loop, too")
    config.addinivalue_line("markers", "our_wire(reason): asks for what another server need not have")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of every wire by HTTP/2, too: on one loop, for no wire differs between loops."""
    test = metafunc.definition
    if "example_server" in metafunc.fixturenames:
        metafunc.parametrize("example_server", servers_of(test), indirect=True)
    elif test.get_closest_marker("every_wire") and not test.get_closest_marker("http1"):
        combinations = [(backend, loop) for backend in BACKENDS for loop in sorted(LOOPS)]
        names = ("backend", "loop_factory")
        test.add_marker(pytest.mark.parametrize(names, [*combinations, (HTTP2, "uvloop")], indirect=True))


def servers_of(test: pytest.Item | pytest.Function) -> list[str]:
    """Return the names of the servers that the examples of a test are served by, ours and others."""
    ours = [OUR_DEFAULT]
    by_http2 = test.get_closest_marker("every_wire")
    if by_http2 or test.get_closest_marker("every_backend"):
        ours = [f"{backend}-{loop}" for backend in BACKENDS for loop in sorted(LOOPS)]
    if by_http2:
        ours.append(f"{HTTP2}-uvloop")
    return ours if test.get_closest_marker("our_wire") else [*ours, *PEERS]


def pytest_collection_finish() -> None:
    """Let each later collection of garbage look at no more than what the tests have made.

    Every server under test has one at its end, and what is collected here, with all that is imported,
    lives as long as the process.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def scan_distributions_once() -> Iterator[None]:
    """Read the metadata of what is installed once for each path that modules are imported from.

    Every server under test has its backend looked up by name, which reads some files of every distribution.
    """
    scanned = functools.cache(lambda path: registrations())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(registry, "registrations", lambda: list(scanned(tuple(sys.path))))
        yield


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each registered backend in turn, of those that speak HTTP/1.1."""
    return str(request.param)


@pytest.fixture(params=sorted(LOOPS))
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the event loop of each kind in turn."""
    return LOOPS[request.param]


@pytest.fixture
def serve(backend: str, loop_factory: Any) -> Iterator[Callable[..., Running]]:
    """Serve an application on each backend and each loop, until the test's end."""
    servers: list[Running] = []

    def start(app: Any, **settings: Any) -> Running:
        settings = {"port": 0, "backend": backend, "loop_factory": loop_factory, **settings}
        server = Running(app=app, **settings)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Load an example as a module of its own, gone after the test."""

    def load(path: str) -> ModuleType:
        file = EXAMPLES / path
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, file.stem, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def shelves() -> Iterator[Callable[[str], Shelf]]:
    """Return another server, by its name, that serves one example after the other."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(shelf(name)))


@pytest.fixture
def example_server(
    request: pytest.FixtureRequest, load: Callable[[str], ModuleType], shelves: Callable[[str], Shelf]
) -> Iterator[Callable[..., Any]]:
    """Serve the application of an example until the test's end, by each server in turn.

    These are ours and others, by ``app.asgi``. It returns the server, which has the same face whosever it is,
    and the example's module.
    """
    servers: list[Running | Shelf] = []

    def start(path: str, **settings: Any) -> tuple[Running | Shelf, Any]:
        if request.param in PEERS:
            server = shelves(request.param)
            module: Any = server.take(EXAMPLES / path, **settings)
        else:
            backend, _, loop = request.param.partition("-")
            if loop:
                settings = {"backend": backend, "loop_factory": LOOPS[loop], **settings}
            module = load(path)
            server = Running(app=module.app, port=0, **settings)
        servers.append(server)
        return server, module

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def no_backend_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has in the environment must not choose the backend under test."""
    monkeypatch.delenv("KYOUKAI_BACKEND", raising=False)


@pytest.fixture(autouse=True)
def forget_modules(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let modules that a test writes into its folder be imported anew by the next test of the process."""
    if "tmp_path" not in request.fixturenames:
        yield
        return
    folder = str(request.getfixturevalue("tmp_path"))
    yield
    for name, module in list(sys.modules.items()):
        if folder in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]
