"""``python -m fuzzing TARGET FOLDER [libFuzzer options]``: fuzz a target with Atheris.

The folder receives the inputs of the corpus, and new inputs that increase the coverage.
"""

import importlib
import logging
import sys
from pathlib import Path

import atheris

USAGE = "python -m fuzzing reference_parser|connection FOLDER [libFuzzer options]"


def main() -> None:
    """Instrument the code that reads the bytes, and fuzz."""
    if len(sys.argv) < 3 or sys.argv[1] not in ("reference_parser", "connection"):
        sys.exit(USAGE)
    name, folder, *options = sys.argv[1:]
    # Atheris instruments only modules that are imported here, so this precedes every import of the package.
    with atheris.instrument_imports(include=["kyoukai.core", "kyoukai.backends"]):
        target = importlib.import_module(f"fuzzing.{name}")
    # Handlers that fail on purpose log their tracebacks.
    logging.disable()
    seeds = importlib.import_module("fuzzing.seeds")
    seeds.write_seeds(Path(folder))
    atheris.Setup([sys.argv[0], folder, *options], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
