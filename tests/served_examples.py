"""The applications of the examples, served by Asphalt as their READMEs have it, and by other servers."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from .exported.peers import PEERS, ROOT, peer
from .processes import Process, python


@contextlib.contextmanager
def served_example(folder: Path, server: str, **settings: str) -> Iterator[Process]:
    """Serve the application of a folder, and check by the end that nothing went wrong.

    :param server: the name of another one, or of a backend of ours.
    :param settings: further ones of ours.
    """
    if server in PEERS:
        # None of them says where else it looks for modules than where it is started.
        environ = {"PYTHONPATH": f"{folder}:{ROOT}"}
        with peer(server, "tests.exported.configured:asgi", folder, environ) as process:
            yield process
            assert_unharmed(process)
        return
    environ = {"PYTHONPATH": str(ROOT), "KYOUKAI_BACKEND": server}
    # A disk that others keep busy may take longer to begin with than Asphalt waits by default.
    command = ["-m", "asphalt", "run", "config.yaml", "--set", "start_timeout=60"]
    for name, value in {"port": "0", **settings}.items():
        command += ["--set", f"component.server.{name}={value}"]
    with python(*command, folder=folder, environ=environ) as process:
        yield process
        assert f"(backend {server}, loop uvloop)" in process.log
        assert_unharmed(process)


def assert_unharmed(process: Process) -> None:
    """Check that a log is without errors."""
    assert "Traceback" not in process.log, process.log
    assert " ERROR " not in process.log, process.log


def copy_example(example: Path, folder: Path) -> Path:
    """Copy an example into a folder, without what it was given where it is, and return where it is now."""
    ignore = shutil.ignore_patterns("data", "__pycache__")
    return Path(shutil.copytree(example, folder / example.name, ignore=ignore))


@contextlib.contextmanager
def another_makes_tables_first(database: Path) -> Iterator[list[str]]:
    """Have somebody else make each table of a file of SQLite just before it is made, while the block runs.

    :return: the statements that it was made by.
    """
    made: list[str] = []

    def be_first(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "CREATE TABLE" in statement:
            made.append(statement)
            with contextlib.closing(sqlite3.connect(database)) as other:
                other.execute(statement)

    event.listen(Engine, "before_cursor_execute", be_first)
    try:
        yield made
    finally:
        event.remove(Engine, "before_cursor_execute", be_first)
