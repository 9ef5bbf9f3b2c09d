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

# The assertions of a helper module hold under `python -O` only if pytest rewrites them.
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

# These backends ship with Kyoukai. A backend that is not registered fails its tests; none is skipped.
OURS = ("httptools", "reference")
HTTP2 = "h2"
BACKENDS = sorted({*OURS, *(registration.name for registration in registrations())} - {HTTP2})
"""The backends that speak HTTP/1.1."""

# Fewer examples, for further Python versions: one version has run all of them.
hypothesis.settings.register_profile("fewer", max_examples=10)

OUR_DEFAULT = "kyoukai"
"""Kyoukai with its default backend."""

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
    """Run the wire tests over HTTP/2 too, on one loop only: no wire differs between loops."""
    test = metafunc.definition
    if "example_server" in metafunc.fixturenames:
        metafunc.parametrize("example_server", servers_of(test), indirect=True)
    elif test.get_closest_marker("every_wire") and not test.get_closest_marker("http1"):
        combinations = [(backend, loop) for backend in BACKENDS for loop in sorted(LOOPS)]
        names = ("backend", "loop_factory")
        test.add_marker(pytest.mark.parametrize(names, [*combinations, (HTTP2, "uvloop")], indirect=True))


def servers_of(test: pytest.Item | pytest.Function) -> list[str]:
    """Return the names of the servers, Kyoukai and others, that serve the examples of a test."""
    ours = [OUR_DEFAULT]
    by_http2 = test.get_closest_marker("every_wire")
    if by_http2 or test.get_closest_marker("every_backend"):
        ours = [f"{backend}-{loop}" for backend in BACKENDS for loop in sorted(LOOPS)]
    if by_http2:
        ours.append(f"{HTTP2}-uvloop")
    return ours if test.get_closest_marker("our_wire") else [*ours, *PEERS]


def pytest_collection_finish() -> None:
    """Freeze the objects of the collection, so that later garbage collections skip them.

    Every server under test collects garbage when it ends. The collected tests and the imported modules live
    as long as the process.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def scan_distributions_once() -> Iterator[None]:
    """Read the metadata of installed distributions once for each ``sys.path``.

    Every server under test looks its backend up by name, which reads files of every distribution.
    """
    scanned = functools.cache(lambda path: registrations())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(registry, "registrations", lambda: list(scanned(tuple(sys.path))))
        yield


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each registered HTTP/1.1 backend in turn."""
    return str(request.param)


@pytest.fixture(params=sorted(LOOPS))
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """The factory of each kind of event loop in turn."""
    return LOOPS[request.param]


@pytest.fixture
def serve(backend: str, loop_factory: Any) -> Iterator[Callable[..., Running]]:
    """Serve an application on each backend and each loop until the end of the test."""
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
    """Load an example as a module that is removed after the test."""

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
    """Return another server by name; it serves one example after the other."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(shelf(name)))


@pytest.fixture
def example_server(
    request: pytest.FixtureRequest, load: Callable[[str], ModuleType], shelves: Callable[[str], Shelf]
) -> Iterator[Callable[..., Any]]:
    """Serve the application of an example by each server in turn, until the end of the test.

    The servers are Kyoukai and, through ``app.asgi``, others. The fixture returns the server, with the same
    interface for all of them, and the module of the example.
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
    """Keep the developer's environment from choosing the backend under test."""
    monkeypatch.delenv("KYOUKAI_BACKEND", raising=False)


@pytest.fixture(autouse=True)
def forget_modules(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forget the modules that a test wrote into its folder, so that the next test imports its own."""
    if "tmp_path" not in request.fixturenames:
        yield
        return
    folder = str(request.getfixturevalue("tmp_path"))
    yield
    for name, module in list(sys.modules.items()):
        if folder in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]
