"""What a release is made of: its version, its changelog, its commands, its files."""

import importlib.util
import re
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
RELEASING = (ROOT / "RELEASING.md").read_text("utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def load_contents() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_contents", ROOT / ".ci" / "contents.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


contents = load_contents()


def test_the_version_is_the_installed_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?(?:\.dev\d+)?", VERSION)
    assert version("kyoukai") == VERSION, "pip install -e ."


def test_the_changelog_begins_with_the_version() -> None:
    heading = re.search(r"(?m)^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert heading is not None
    assert heading[1] == VERSION
    assert re.fullmatch("unreleased" if ".dev" in VERSION else r"\d{4}-\d\d-\d\d", heading[2])


def test_the_steps_are_numbered() -> None:
    steps = [int(number) for number in re.findall(r"(?m)^(\d+)\. \*\*", RELEASING)]
    assert steps == list(range(1, len(steps) + 1))


@pytest.mark.parametrize("name", ["pages", "build"])
def test_the_commands_name_what_is_there(name: str) -> None:
    found = re.search(rf"(?ms)^ *<!-- release: {name} -->\n *```sh\n(.*?)^ *```", RELEASING)
    assert found is not None
    subprocess.run(["bash", "-n"], input=found[1], text=True, check=True)
    named = re.findall(r"(?:docs|tests|\.ci)/[\w./]+", found[1])
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_ci_builds_by_the_command_of_a_release() -> None:
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"(?m)^ *bash \.ci/distributions dist \S+python$", RELEASING)
    assert re.search(r'(?m)^ *bash \.ci/distributions "\$work/dist" \S+python"$', run)


def test_the_extra_has_the_tools_that_ci_takes() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    tools = re.findall(r"'(\S+ >= [\d.]+)'", (ROOT / ".ci" / "distributions").read_text("utf-8"))
    assert sorted(tools) == sorted(extras["release"])


def write_sdist(folder: Path, names: Iterable[str]) -> Path:
    path = folder / "kyoukai-3.0.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"kyoukai-3.0.0/{name}"))
    return path


def write_wheel(folder: Path, names: Iterable[str]) -> Path:
    path = folder / "kyoukai-3.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return path


def check(folder: Path, *archives: Path) -> None:
    tracked = ["README.md", "docs/screenshots/a.png", "kyoukai/py.typed", "pytest_kyoukai.py", "tests/a.py"]
    (folder / "tracked").write_text("\n".join(tracked) + "\n")
    contents.main(str(folder / "tracked"), *map(str, archives))


SOURCES = ["README.md", "kyoukai/py.typed", "pytest_kyoukai.py", "tests/a.py", "PKG-INFO", "setup.cfg"]
MODULES = [
    "kyoukai/py.typed",
    "kyoukai-3.0.0.data/data/share/man/man1/kyoukai.1",
    "pytest_kyoukai.py",
    "kyoukai-3.0.0.dist-info/METADATA",
]


def test_distributions_with_every_file_of_git(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, write_sdist(tmp_path, SOURCES), write_wheel(tmp_path, MODULES))
    assert [line.partition(":")[2] for line in capsys.readouterr().out.splitlines()] == [
        " 4 files, 0 KiB",
        " 3 files, 0 KiB",
    ]


@pytest.mark.parametrize(
    ("sources", "modules", "problem"),
    [
        (SOURCES[1:], MODULES, r"missing \['README.md'\], too much \[\]"),
        ([*SOURCES, "data/a.db"], MODULES, r"missing \[\], too much \['data/a.db'\]"),
        ([*SOURCES, "docs/screenshots/a.png"], MODULES, r"too much \['docs/screenshots/a.png'\]"),
        (SOURCES, MODULES[1:], r"missing \['kyoukai/py.typed'\]"),
        (SOURCES, [MODULES[0], *MODULES[2:]], r"missing \['share/man/man1/kyoukai.1'\]"),
        (SOURCES, [*MODULES, "tests/a.py"], r"too much \['tests/a.py'\]"),
    ],
)
def test_distributions_without_a_file_of_git(
    tmp_path: Path, sources: list[str], modules: list[str], problem: str
) -> None:
    with pytest.raises(SystemExit, match=problem):
        check(tmp_path, write_sdist(tmp_path, sources), write_wheel(tmp_path, modules))


def test_a_distribution_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(contents.MOST_BYTES, ".whl", 9)
    with pytest.raises(SystemExit, match=r"\.whl is of \d+ bytes; at most 9 are meant"):
        check(tmp_path, write_wheel(tmp_path, MODULES))
