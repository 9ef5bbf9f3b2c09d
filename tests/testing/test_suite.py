"""The suite as a backend's author has it: on the shipped backends, and in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

import kyoukai
from kyoukai.testing import BackendSuite, Case

from .mutants import wire

EVERY = 40
"""One case in so many is run here: the whole corpus is elsewhere."""


@pytest.fixture(autouse=True)
def same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made up must be the same each time."""
    monkeypatch.setenv("KYOUKAI_SEED", "1")
    monkeypatch.setenv("KYOUKAI_EXAMPLES", "20")


class TestHttptools(BackendSuite):
    backend = "httptools"
    corpus: ClassVar[tuple[Case, ...]] = BackendSuite.corpus[::EVERY]


class TestReference(BackendSuite):
    corpus: ClassVar[tuple[Case, ...]] = BackendSuite.corpus[1::EVERY]

    @pytest.fixture
    def backend(self) -> str:
        return "reference"


class TestWire(BackendSuite):
    """One that is no HTTP/1; its adapter is given here."""

    backend = f"{wire.__name__}:Unnamed"
    adapter = "framed_adapter:FramedAdapter"
    corpus: ClassVar[tuple[Case, ...]] = ()


MINE = """
from kyoukai.testing import BackendSuite

class TestSound(BackendSuite):
    backend = "mine:Mine"
    corpus = [
        next(case for case in BackendSuite.corpus if (case.group, case.level) == key)
        for key in [("Answers", "MUST"), ("Host", "HARDENING"), ("Trailers", "MUST")]
    ]

class TestNumbers(BackendSuite):
    backend = "mine:Numbers"
    corpus = []

class TestSilent(BackendSuite):
    backend = "mine:Silent"
    corpus = []
"""

BACKENDS = """
from kyoukai.backends.reference import ReferenceBackend

class Mine(ReferenceBackend):
    '''It claims no trailers.'''
    features = ReferenceBackend.features - {"trailers"}

class Numbers(ReferenceBackend):
    '''Its ALPN names are numbers.'''
    alpn_protocols = (1,)

class Silent(ReferenceBackend):
    __doc__ = None
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with the plugin as an installation has it."""
    root = Path(kyoukai.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_kyoukai", "-p", "no:cacheprovider", "-rsx", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{folder}"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_in_a_folder_of_its_own(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "mine.py").write_text(BACKENDS)
    (tmp_path / "test_mine.py").write_text(MINE)
    result = run_pytest(tmp_path, *options)
    output = result.stdout
    assert result.returncode == 1, output + result.stderr
    assert "1 failed" in output
    assert "1 xfailed" in output
    assert "K1.4, ALPN: alpn_protocols is (1,)" in output
    assert "expected: a tuple of str" in output
    assert "K3.6: the backend does not claim the feature 'trailers'" in output
    assert "mine:Numbers: broken: K1.4" in output
    assert "mine:Silent: broken: K1.9" in output
    assert "mine:Mine: broken" not in output
    # What is said of trailers does not hold, here and in the corpus.
    assert "mine:Mine: 85 required rules: 82 kept, 3 inapplicable" in output


def test_the_plugin_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n"
        "def test_plain():\n"
        "    assert 'pytest_kyoukai' in sys.modules\n"
        "    assert not {'kyoukai', 'hypothesis.strategies', 'asphalt'} & set(sys.modules)\n"
    )
    result = run_pytest(tmp_path, "-p", "no:hypothesispytest")
    assert result.returncode == 0, result.stdout
    assert "Kyoukai" not in result.stdout
