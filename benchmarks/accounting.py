"""CPU time and memory of a process and all its children, from ``/proc``."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Times(NamedTuple):
    """CPU time, in seconds."""

    user: float
    system: float


class Stat(NamedTuple):
    """The fields of ``/proc/PID/stat`` that the benchmarks use."""

    parent: int
    times: Times
    """Includes the time of children that ended and were waited for."""


def read_stat(text: str) -> Stat:
    """Return the contents of the file ``stat`` of a process.

    The second field, the name, may contain spaces and parentheses: the other fields begin after the last
    parenthesis.
    """
    fields = text.rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / TICKS for field in fields[11:15])
    return Stat(int(fields[1]), Times(user + children_user, system + children_system))


def read_kibibytes(status: str, name: str) -> int:
    """Return a size from the file ``status`` of a process: ``VmHWM``, ``VmRSS``.

    :raises KeyError: if the file lacks it, as for a process that has ended.
    """
    for line in status.splitlines():
        field, _, value = line.partition(":")
        if field == name:
            return int(value.split()[0])
    raise KeyError(name)


def descendants(root: int, parents: Iterable[tuple[int, int]]) -> list[int]:
    """Return a process and all its descendants.

    :param parents: the parent of each process.
    """
    children: dict[int, list[int]] = {}
    for process, parent in parents:
        children.setdefault(parent, []).append(process)
    found = [root]
    for process in found:
        found += children.get(process, ())
    return found


def stats(proc: Path = PROC) -> dict[int, Stat]:
    """Return all processes of the system."""
    found = {}
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = read_stat((folder / "stat").read_text("utf-8", "replace"))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def tree(root: int, proc: Path = PROC) -> dict[int, Stat]:
    """Return a process and all its descendants.

    :raises ProcessLookupError: if the process does not exist.
    """
    found = stats(proc)
    if root not in found:
        raise ProcessLookupError(root)
    return {pid: found[pid] for pid in descendants(root, ((pid, stat.parent) for pid, stat in found.items()))}


def cpu_times(root: int, proc: Path = PROC) -> Times:
    """Return the CPU time of a process and its children, including children that have ended."""
    times = [stat.times for stat in tree(root, proc).values()]
    return Times(sum(time.user for time in times), sum(time.system for time in times))


def memory(root: int, name: str, proc: Path = PROC) -> int:
    """Return the memory of a process and its children, in KiB. Shared memory counts for each process.

    :param name: ``VmHWM``, the peak, or ``VmRSS``, the current size.
    """
    folders = [proc / str(pid) for pid in tree(root, proc)]
    return sum(read_kibibytes((folder / "status").read_text("utf-8", "replace"), name) for folder in folders)
