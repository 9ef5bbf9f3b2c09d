import sys
import tempfile
from pathlib import Path

from hypothesis import configuration

# What Hypothesis remembers of the code that it tests is written while the tests are collected; it
# belongs into no checkout.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "kyoukai-hypothesis")

# The wire that the pages show is the sound one that the mutants of wires derive from.
sys.path.append(str(Path(__file__).parents[2] / "examples" / "docs"))
