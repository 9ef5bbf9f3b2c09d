"""What the guestbook's own files say of it is so."""

import asyncio
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from sqlalchemy.ext.asyncio import create_async_engine

from ..served_examples import another_makes_tables_first
from .conftest import EXAMPLE, ROOT


def requirements() -> dict[str, str]:
    """Return the packages that it needs, each with its version."""
    lines = (EXAMPLE / "requirements.txt").read_text("utf-8").splitlines()
    return {line.partition(" ")[0]: line for line in lines}


def test_the_tests_have_what_it_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = requirements()
    assert needed.pop("kyoukai[sessions]") == "kyoukai[sessions] >= 3.0.0.dev0"
    extras = project["optional-dependencies"]
    assert extras["sessions"] == [line for line in extras["test"] if line.startswith("itsdangerous")]
    assert set(needed.values()) - set(extras["test"]) == set()


def test_the_readme_has_the_commands_that_the_tests_use() -> None:
    text = (EXAMPLE / "README.md").read_text("utf-8")
    install, run = re.findall(r"```sh\n(.*\n.*\n)```", text)[0].splitlines()
    command = r"python3 -m venv \.venv && \.venv/bin/pip install (\.\./\.\.|kyoukai) -r requirements\.txt"
    assert re.fullmatch(command, install)
    assert run == ".venv/bin/python -m asphalt run config.yaml"
    assert f"```sh\n{install}\n{run}\n```" in (ROOT / "docs" / "learn" / "guestbook.md").read_text("utf-8")
    # It names every file that there is, and none that there is not.
    named = set(re.findall(r"`((?:guestbook/\w+|config)[.\w]*)`", text.partition("| file")[2]))
    there = {f"guestbook/{path.name}" for path in (EXAMPLE / "guestbook").iterdir()}
    assert named == there - {"guestbook/__init__.py", "guestbook/__pycache__"} | {"config.yaml"}


def test_it_listens_to_this_machine_alone_unless_it_is_told_otherwise() -> None:
    server = YAML(typ="safe").load((EXAMPLE / "config.yaml").read_text("utf-8"))["component"]["server"]
    assert (server["host"], server["port"]) == ("127.0.0.1", 8000)


def test_a_worker_does_not_mind_that_another_makes_the_table_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    entries = importlib.import_module("guestbook.entries")
    for name in [name for name in sys.modules if name.partition(".")[0] == "guestbook"]:
        monkeypatch.delitem(sys.modules, name)
    database = tmp_path / "guestbook.db"

    async def make() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
        try:
            await entries.create_tables(engine, None)
        finally:
            await engine.dispose()

    with another_makes_tables_first(database) as made:
        asyncio.run(make())
    assert len(made) == 1
