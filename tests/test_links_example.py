"""The service with a database in `examples/`: its own tests, and a process by its configuration."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kyoukai.test_client import BlockingClient

from .processes import Process, python
from .served_examples import another_makes_tables_first
from .serving import Answer, message
from .test_docs import ROOT

LINKS = ROOT / "examples" / "links"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "links"
    shutil.copytree(LINKS, folder, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
    config = folder / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("port: 8000", "port: 0"), "utf-8")
    return folder


@pytest.fixture
def environ(folder: Path, backend: str) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "KYOUKAI_BACKEND": backend}


@pytest.fixture
def start(folder: Path, environ: dict[str, str]) -> Any:
    """Start the configuration in a process, as its first lines say."""

    def start() -> Any:
        return python("-m", "asphalt", "run", "config.yaml", folder=folder, environ=environ)

    return start


def test_its_own_tests_pass(folder: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, str(folder)], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ask(process: Process, method: str, target: str, body: Any = None) -> Answer:
    fields = [] if body is None else ["Content-Type: application/json"]
    data = None if body is None else json.dumps(body).encode()
    with process.connect() as client:
        client.send(message(method, target, *fields, body=data))
        return client.receive(method)


def test_it_serves_and_remembers(start: Any) -> None:
    with start() as process:
        link = {"name": "docs", "url": "https://example.com/"}
        assert ask(process, "POST", "/links/", link).status == 201
        assert ask(process, "POST", "/links/", link).status == 409
        assert ask(process, "GET", "/docs").fields["location"] == link["url"]
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr
    with start() as process:
        # What counts them was waited for.
        assert json.loads(ask(process, "GET", "/links/docs").body)["visits"] == 1
        process.send(signal.SIGTERM)
        assert process.finish() == 0


def test_a_start_that_fails_says_why(start: Any, folder: Path) -> None:
    (folder / "links.db").mkdir()
    with start() as process:
        assert process.finish() == 1
    assert "unable to open database file" in process.stderr
    assert "Raised by a hook before serving, links.create_tables." in process.stderr
    assert "serves" not in process.stderr


def test_a_worker_does_not_mind_that_another_makes_the_table_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    links = importlib.import_module("links")
    monkeypatch.delitem(sys.modules, "links")
    database = folder / "links.db"
    with another_makes_tables_first(database) as made:
        components = {"sqlalchemy": {"url": f"sqlite+aiosqlite:///{database}"}}
        with BlockingClient(links.app, components=components) as client:
            assert client.get("/links/").json == {"links": [], "next": None}
    assert len(made) == 1
