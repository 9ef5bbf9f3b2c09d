"""A region of memory that a worker counts in and its supervisor reads.

One process writes to it, in one thread; any may read at any time. A number is written at once, and labels are
there before the number of series says so. The memory lives as long as any process has it: a worker that is
killed leaves what it has counted.
"""

import json
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from kyoukai.server.metrics.layout import (
    ACCEPTED,
    CELLS,
    CLOSED,
    DUE,
    LABELS_SIZE,
    MAX_SERIES,
    PROCESS_CELLS,
    SERIES,
    SERIES_CELLS,
    SIZE,
    base_of,
)


class Labels(NamedTuple):
    """What is counted apart: requests, or refusals."""

    method: str
    """Empty: what was refused is counted."""
    status: int
    text: str
    """The rule of the route, empty for none; or the reason of a refusal."""

    @property
    def is_refusal(self) -> bool:
        """Whether it counts what the server refused."""
        return not self.method


OTHER: Final = "other"

OVERFLOW: Final = Labels(OTHER, 0, OTHER)
"""The first series: what has no room."""


class Region:
    """A region of memory, open in this process.

    :param descriptor: of the memory, which has :data:`SIZE` bytes. It becomes the region's.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.memory = mmap.mmap(descriptor, SIZE)
        """All of it."""
        self._bytes = memoryview(self.memory)
        self.cells = self._bytes[: 8 * CELLS].cast("d")
        """The numbers, as :mod:`~kyoukai.server.metrics.layout` has them."""
        self._single: list[Any] = []
        self._places: dict[Labels, int] = {}

    @classmethod
    def create(cls) -> Self:
        """Return a new region, with nothing counted."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("kyoukai-metrics")
        else:  # pragma: no cover (Linux has it)
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, SIZE)
        region = cls(descriptor)
        region.place(OVERFLOW)
        return region

    def close(self) -> None:
        """Close it in this process."""
        for cell in (self.cells, *self._single):
            cell.release()
        self._bytes.release()
        self.memory.close()
        os.close(self.descriptor)

    def cell(self, place: int) -> Any:
        """Return one number by itself: it is written as ``cell[()]``, faster than by its place."""
        cell = self._bytes[8 * place : 8 * place + 8].cast("d", shape=[])
        self._single.append(cell)
        return cell

    def place(self, labels: Labels) -> int:
        """Return the place of the first number of a series; that of the first, where there is no room."""
        found = self._places.get(labels)
        if found is not None:
            return found
        count = int(self.cells[SERIES])
        if count >= MAX_SERIES:
            return base_of(0)
        written = encode(labels)
        start = 8 * CELLS + count * LABELS_SIZE
        self._bytes[start : start + len(written)] = written
        # Whoever reads sees the labels from now on.
        self.cells[SERIES] = count + 1
        self._places[labels] = base = base_of(count)
        return base

    def read_series(self) -> Iterator[tuple[Labels, list[float]]]:
        """Yield the labels of each series, and its numbers."""
        for series in range(int(self.cells[SERIES])):
            start = 8 * CELLS + series * LABELS_SIZE
            written = bytes(self._bytes[start : start + LABELS_SIZE])
            base = base_of(series)
            numbers: list[Any] = self.cells[base : base + SERIES_CELLS].tolist()
            yield decode(written), numbers

    def read_process(self) -> list[float]:
        """Return the numbers of the process."""
        numbers: list[Any] = self.cells[:PROCESS_CELLS].tolist()
        return numbers

    def absorb(self, other: "Region") -> None:
        """Add what another region has, whose process has ended: none of its connections is open any more."""
        cells = self.cells
        for labels, numbers in other.read_series():
            base = self.place(labels)
            for place, number in enumerate(numbers, base):
                cells[place] += number
        for place, number in enumerate(other.read_process()):
            if place not in (SERIES, DUE):
                cells[place] += number
        cells[CLOSED] = cells[ACCEPTED]


def encode(labels: Labels) -> bytes:
    """Return labels as they are written. Text that has no room is cut."""
    text = labels.text
    while True:
        written = json.dumps(
            [labels.method, labels.status, text], separators=(",", ":"), ensure_ascii=False
        ).encode()
        if len(written) <= LABELS_SIZE:
            return written
        room = len(text) * LABELS_SIZE // len(written) - 4
        text = f"{text[: max(0, room)]}..."


def decode(written: bytes) -> Labels:
    """Return labels as they were written."""
    method, status, text = json.loads(written.rstrip(b"\0"))
    return Labels(method, status, text)
