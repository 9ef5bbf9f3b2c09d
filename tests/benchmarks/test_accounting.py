"""CPU time and memory are read from /proc as the kernel writes them there."""

import os
from pathlib import Path

import pytest

from benchmarks import accounting
from benchmarks.accounting import TICKS


def stat(name: str, parent: int, *times: int) -> str:
    return f"7 ({name}) S {parent} 7 7 0 -1 4194304 1 2 3 4 {' '.join(map(str, times))} 20 0 1 0 99 1000 50\n"


def process(proc: Path, pid: int, parent: int, peak: int, *times: int) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "stat").write_text(stat("python", parent, *times))
    (folder / "status").write_text(f"Name:\tpython\nVmHWM:\t   {peak} kB\nVmRSS:\t   {peak // 2} kB\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "self").mkdir()
    process(tmp_path, 10, 1, 1000, 100, 50, 0, 0)
    process(tmp_path, 11, 10, 400, 10, 5, 7, 3)
    process(tmp_path, 12, 11, 20, 1, 2, 0, 0)
    process(tmp_path, 20, 1, 9000, 9000, 9000, 0, 0)
    return tmp_path


@pytest.mark.parametrize("name", ["python", "a b", "worker (1) S 5", "))"])
def test_a_name_may_be_anything(name: str) -> None:
    found = accounting.read_stat(stat(name, 3, 200, 100, 20, 10))
    assert found == (3, (220 / TICKS, 110 / TICKS))


def test_the_times_are_those_of_the_tree(proc: Path) -> None:
    assert accounting.cpu_times(10, proc) == pytest.approx((118 / TICKS, 60 / TICKS))
    assert accounting.cpu_times(12, proc) == pytest.approx((1 / TICKS, 2 / TICKS))


def test_the_memory_is_that_of_the_tree(proc: Path) -> None:
    assert accounting.memory(10, "VmHWM", proc) == 1420
    assert accounting.memory(10, "VmRSS", proc) == 710


def test_missing_process_is_an_error(proc: Path) -> None:
    with pytest.raises(ProcessLookupError):
        accounting.cpu_times(99, proc)
    with pytest.raises(KeyError, match="VmHWM"):
        accounting.read_kibibytes("Name:\tzombie\n", "VmHWM")


def test_this_process_is_found() -> None:
    assert sum(accounting.cpu_times(os.getpid())) > 0
    # The kernel counts the two at different times, so that the lesser may come out greater.
    assert accounting.memory(os.getpid(), "VmHWM") > 1000
    assert accounting.memory(os.getpid(), "VmRSS") > 1000
