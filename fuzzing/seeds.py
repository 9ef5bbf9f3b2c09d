"""Seed inputs of the fuzz targets: the bytes that the corpus's clients send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kyoukai.testing import load_corpus

CHOICES: Final = bytes((0, 128))
"""The bytes of choices: the default limits, the policy on, and a cut in the middle; see the targets."""

MAX_SIZE: Final = 2048
"""The most bytes of a seed: longer inputs find little, and take long."""


def seeds() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the input of each short case."""
    for case in load_corpus():
        if len(case.data) <= MAX_SIZE:
            yield case.name, CHOICES + case.data


def write_seeds(folder: Path) -> int:
    """Write each input into a file named after its case, and return the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, data in seeds():
        (folder / name).write_bytes(data)
        count += 1
    return count
