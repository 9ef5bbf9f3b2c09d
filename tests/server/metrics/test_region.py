"""Regions: what a process counts in shared memory, and what is left of it when the process is killed."""

import os
import signal
import subprocess
import sys

import pytest

from kyoukai.server.metrics.layout import (
    ACCEPTED,
    CLOSED,
    DUE,
    FIRST,
    LABELS_SIZE,
    LATER,
    MAX_SERIES,
    SENT,
    SERIES_CELLS,
    base_of,
)
from kyoukai.server.metrics.region import OVERFLOW, Labels, Region, decode, encode

GET = Labels("GET", 200, "/guests/<int:id>")
REFUSED = Labels("", 400, "The request is malformed.")


@pytest.fixture
def region():
    region = Region.create()
    yield region
    region.close()


def series(region: Region) -> dict[Labels, list[float]]:
    return dict(region.read_series())


def test_a_new_region_has_counted_nothing(region):
    assert series(region) == {OVERFLOW: [0.0] * SERIES_CELLS}
    assert set(region.read_process()[1:]) == {0.0}


def test_series_have_places_of_their_own(region):
    first, second = region.place(GET), region.place(REFUSED)
    assert (first, second) == (base_of(1), base_of(2))
    assert region.place(GET) == first
    region.cells[first + FIRST] += 1
    region.cells[second + SERIES_CELLS - 1] += 2
    assert series(region)[GET] == [1.0, *[0.0] * (SERIES_CELLS - 1)]
    assert series(region)[REFUSED] == [*[0.0] * (SERIES_CELLS - 1), 2.0]
    assert [labels.is_refusal for labels in series(region)] == [False, False, True]


def test_metrics_without_room_are_counted_together(region):
    for number in range(MAX_SERIES - 1):
        assert region.place(Labels("GET", 200, f"/{number}")) == base_of(number + 1)
    for number in range(3):
        assert region.place(Labels("GET", 201, f"/{number}")) == base_of(0)
    assert len(series(region)) == MAX_SERIES
    assert region.place(Labels("GET", 200, "/7")) == base_of(8)
    region.cells[base_of(MAX_SERIES - 1) + SERIES_CELLS - 1] = 5
    assert list(series(region).values())[-1][-1] == 5


@pytest.mark.parametrize("text", ["/a", "", "/é", "/" + "x" * 1000, "/" + 'é"\\' * 300, "/\0"])
def test_labels_as_they_are_written(text):
    labels = Labels("PROPPATCH", 200, text)
    written = encode(labels)
    assert len(written) <= LABELS_SIZE
    read = decode(written.ljust(LABELS_SIZE, b"\0"))
    if len(text) < 100:
        assert read == labels
    else:
        assert read.text.endswith("...")
        assert text.startswith(read.text[:-3])
        assert len(read.text) > 50


def test_another_process_reads_what_is_written(region):
    other = Region(os.dup(region.descriptor))
    region.cells[region.place(GET)] += 3
    assert series(other)[GET][FIRST] == 3
    other.close()


def test_counts_of_a_killed_process_are_kept(region):
    program = (
        "import sys, os, signal\n"
        "from kyoukai.server.metrics.region import Labels, Region\n"
        "region = Region(int(sys.argv[1]))\n"
        "region.cells[region.place(Labels('GET', 200, '/guests/<int:id>'))] += 1\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(region.descriptor)],
        pass_fds=[region.descriptor],
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert series(region)[GET][FIRST] == 1


def test_a_region_absorbs_one_whose_process_has_ended(region):
    other = Region.create()
    for counted in (region, other):
        counted.cells[counted.place(GET) + SENT] += 5
        counted.cells[ACCEPTED] += 3
        counted.cells[DUE] = 7
    other.cells[other.place(REFUSED) + LATER] += 1
    other.cells[CLOSED] = 1
    region.absorb(other)
    other.close()
    assert series(region)[GET][SENT] == 10
    assert series(region)[REFUSED][LATER] == 1
    assert (region.cells[ACCEPTED], region.cells[CLOSED], region.cells[DUE]) == (6, 6, 7)
