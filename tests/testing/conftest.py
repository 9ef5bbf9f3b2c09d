import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import configuration

from kyoukai.testing import stage

# What Hypothesis remembers of the code that it tests is written while the tests are collected; it
# belongs into no checkout.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "kyoukai-hypothesis")

# The wire that the pages show is the sound one that the mutants of wires derive from.
sys.path.append(str(Path(__file__).parents[2] / "examples" / "docs"))


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks of a backend that breaks rules wait a short while for what does not come.

    What does come has its turns of the event loop all the same.
    """
    monkeypatch.setattr(stage, "PATIENCE", 0.25)
