"""The example of a backend for another wire: installed, and tested by its own tests, behind nginx."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ..environments import install
from ..processes import python
from ..serving import PATIENCE
from .proxies import find

PROJECT = Path(__file__).parent.parent.parent / "examples" / "scgi_backend"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a virtual environment in which pip has installed the example."""
    return install(PROJECT, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder with the example's tests and its settings for pytest, and without its modules."""
    shutil.copytree(PROJECT / "tests", tmp_path / "tests")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def test_example_is_short_and_uses_only_public_names() -> None:
    source = (PROJECT / "kyoukai_scgi.py").read_text("utf-8")
    assert len(source.splitlines()) < 150
    assert re.findall(r"(?m)^from (\S*kyoukai\S*) import", source) == ["kyoukai"]
    assert re.findall(r"[.\s]_\w+", source.replace("digits, colon, _", "")) == []


def test_backend_is_listed(installed: str, alone: Path) -> None:
    with python("-m", "kyoukai", "backends", folder=alone, python=installed) as process:
        assert process.finish() == 0
    rows = [line.split() for line in process.stdout.splitlines()]
    assert ["scgi", "kyoukai-scgi", "1.0", "1", "graceful-shutdown"] in rows


@pytest.mark.parametrize("module", ["test_wire", "test_nginx", "test_memory"])
def test_its_tests_pass_where_it_is_installed(installed: str, alone: Path, module: str) -> None:
    find("nginx")
    command = [installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{module}.py"]
    # Under -O pytest warns that assertions do nothing, which is an error by the project's settings.
    environ = {
        **os.environ,
        "XDG_CACHE_HOME": str(alone / "cache"),
        "PYTHONOPTIMIZE": "",
        "PYTHONDEVMODE": "",
    }
    result = subprocess.run(
        command, cwd=alone, env=environ, capture_output=True, text=True, timeout=20 * PATIENCE
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^\d+ passed in", result.stdout, re.MULTILINE), result.stdout
