"""What fuzzing begins with: what the clients of the corpus send."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kyoukai.testing import load_corpus

CHOICES: Final = bytes((0, 128))
"""The default limits, the policy's say, and a cut in the middle; see the targets."""

MAX_SIZE: Final = 2048
"""A longer input says little, and takes long."""


def seeds() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the input of each case that is short."""
    for case in load_corpus():
        if len(case.data) <= MAX_SIZE:
            yield case.name, CHOICES + case.data


def write_seeds(folder: Path) -> int:
    """Write the inputs into a folder, each to a file of its case's name, and return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, data in seeds():
        (folder / name).write_bytes(data)
        count += 1
    return count
