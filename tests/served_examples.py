"""The applications of the examples, served by Asphalt as in their READMEs, and by other servers."""

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
    """Serve the application of a folder, and check at the end that the log has no errors.

    :param server: the name of another server, or of a backend of Kyoukai.
    :param settings: further settings of Kyoukai.
    """
    if server in PEERS:
        # The other servers import modules from the directory where they are started.
        environ = {"PYTHONPATH": f"{folder}:{ROOT}"}
        with peer(server, "tests.exported.configured:asgi", folder, environ) as process:
            yield process
            assert_unharmed(process)
        return
    environ = {"PYTHONPATH": str(ROOT), "KYOUKAI_BACKEND": server}
    # On a busy disk, the start may take longer than Asphalt's default timeout.
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
    """Copy an example into a folder without its generated files, and return the path of the copy."""
    ignore = shutil.ignore_patterns("data", "__pycache__")
    return Path(shutil.copytree(example, folder / example.name, ignore=ignore))


@contextlib.contextmanager
def another_makes_tables_first(database: Path) -> Iterator[list[str]]:
    """During the block, let a competitor create each SQLite table just before the application does.

    :return: the statements that created the tables.
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
