"""A region of shared memory that a worker counts in and the supervisor reads.

One thread of one process writes; any process may read at any time. A number is written in one step, and the
labels of a series are written before the number of series grows. The memory exists as long as any process has
it open: the counts of a killed worker remain.
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
    """The labels of a series: of requests, or of refusals."""

    method: str
    """The method; empty for refusals."""
    status: int
    text: str
    """The rule of the route, empty if none matched; or the reason of a refusal."""

    @property
    def is_refusal(self) -> bool:
        """Whether the series counts refusals."""
        return not self.method


OTHER: Final = "other"

OVERFLOW: Final = Labels(OTHER, 0, OTHER)
"""The first series, which counts everything that has no series of its own."""


class Region:
    """A region of memory, open in this process.

    :param descriptor: of the memory, which has :data:`SIZE` bytes. The region takes ownership of it.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.memory = mmap.mmap(descriptor, SIZE)
        """The whole memory."""
        self._bytes = memoryview(self.memory)
        self.cells = self._bytes[: 8 * CELLS].cast("d")
        """The numbers, in the layout of :mod:`~kyoukai.server.metrics.layout`."""
        self._single: list[Any] = []
        self._places: dict[Labels, int] = {}

    @classmethod
    def create(cls) -> Self:
        """Return a new region with all counts zero."""
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
        """Return a view of one number. Writing ``cell[()]`` is faster than writing by index."""
        cell = self._bytes[8 * place : 8 * place + 8].cast("d", shape=[])
        self._single.append(cell)
        return cell

    def place(self, labels: Labels) -> int:
        """Return the index of a series' first number; without room, that of the first series."""
        found = self._places.get(labels)
        if found is not None:
            return found
        count = int(self.cells[SERIES])
        if count >= MAX_SERIES:
            return base_of(0)
        written = encode(labels)
        start = 8 * CELLS + count * LABELS_SIZE
        self._bytes[start : start + len(written)] = written
        # From here on, readers see the series with its labels.
        self.cells[SERIES] = count + 1
        self._places[labels] = base = base_of(count)
        return base

    def read_series(self) -> Iterator[tuple[Labels, list[float]]]:
        """Yield the labels and numbers of each series."""
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
        """Add the counts of another region, whose process has ended; its connections count as closed."""
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
    """Encode labels for the region. Text that does not fit is cut."""
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
    """Decode labels."""
    method, status, text = json.loads(written.rstrip(b"\0"))
    return Labels(method, status, text)
