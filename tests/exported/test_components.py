"""Trees of components under other servers: what starts them is their lifespan."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..conftest import EXAMPLES
from ..serving import Answer, message
from .peers import PEERS, ROOT, address_of, peer
from .shelves import Shelf

LINKS = EXAMPLES / "links"


@pytest.fixture(params=PEERS)
def other(request: pytest.FixtureRequest, shelves: Callable[[str], Shelf]) -> Iterator[Shelf]:
    """Each other server in turn."""
    server = shelves(request.param)
    yield server
    server.stop()


def ask(server: Shelf, method: str, target: str, body: Any = None) -> Answer:
    fields = [] if body is None else ["Content-Type: application/json"]
    data = None if body is None else json.dumps(body).encode()
    return server.request(message(method, target, *fields, body=data), method)


def test_resources(other: Shelf) -> None:
    other.take(EXAMPLES / "docs" / "resources.py", root="CounterComponent", components={"kyoukai": {}})
    assert [ask(other, "GET", "/").body for _ in range(3)] == [b"1", b"2", b"3"]


def test_signals(other: Shelf) -> None:
    module = other.take(EXAMPLES / "docs" / "signals.py", root="Root", components={"kyoukai": {}})
    assert ask(other, "GET", "/").body == b"hello"
    # Connections are the other server's, and nobody is told of them.
    assert module.seen == ["index 200"]


class Links:
    """A client for the tests of the links, with the face of theirs."""

    def __init__(self, server: Shelf) -> None:
        self.server = server

    def get(self, target: str) -> "Response":
        return Response(ask(self.server, "GET", target))

    def delete(self, target: str) -> "Response":
        return Response(ask(self.server, "DELETE", target))

    def post(self, target: str, json: Any) -> "Response":
        return Response(ask(self.server, "POST", target, json))


class Response:
    """An answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.status_code = answer.status
        self.location = answer.fields.get("location")
        self.mimetype = answer.fields.get("content-type")

    @property
    def json(self) -> Any:
        return json.loads(self.answer.body)


@pytest.fixture
def client(other: Shelf, tmp_path: Path) -> Links:
    """The links with a database of their own."""
    database = {"url": f"sqlite+aiosqlite:///{tmp_path / 'links.db'}"}
    module = other.take(
        LINKS / "links.py", components={"sqlalchemy": database, "kyoukai": {"app": "links:app"}}
    )
    assert module.MOST == 100
    return Links(other)


def load_tests() -> ModuleType:
    """Load the links' own tests."""
    sys.path.insert(0, str(LINKS))
    try:
        spec = importlib.util.spec_from_file_location("test_links_by_others", LINKS / "test_links.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(LINKS))
        sys.modules.pop("links", None)
    return module


# All but that which stops them: :mod:`tests.test_links_example` does.
OWN = {name: test for name, test in vars(load_tests()).items() if name.startswith("test_")}
del OWN["test_visits_are_counted_before_the_stop"]
globals().update(OWN)


def test_there_are_tests_of_the_links() -> None:
    assert len(OWN) == 6


def test_daphne_which_has_no_lifespan(tmp_path: Path) -> None:
    environ = {"PYTHONPATH": f"{EXAMPLES / 'readme'}:{ROOT}"}
    with peer("daphne", "app:app.asgi", tmp_path, environ) as process:
        assert address_of(process.url)[0] == "127.0.0.1"
        with process.connect() as client:
            assert client.request(message("GET", "/guests/3?page=2")).body == b'{"guest":3,"page":2}'
            assert client.request(message("GET", "/guests/x")).status == 404
        assert "Traceback" not in process.log
