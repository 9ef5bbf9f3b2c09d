"""Runs the script under callgrind, and reads what that counted."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.guard.script import YARDSTICK

ROOT: Final = Path(__file__).resolve().parent.parent.parent
REQUESTS: Final = 100
ROUNDS: Final = 2
SCRIPT: Final = "benchmarks.guard.script"

TOTALS: Final = re.compile(r"(?m)^totals: (\d+)$")


class Count(NamedTuple):
    """What one request of a section takes."""

    instructions: float
    ratio: float
    """The same, as a multiple of what the yardstick takes."""
    spread: float
    """What the rounds differ by, as a part of it."""


def read_dump(text: str) -> int:
    """Return the instructions that a dump of callgrind counts.

    :raises ValueError: if it says nothing of them.
    """
    found = TOTALS.search(text)
    if found is None:
        raise ValueError("the dump has no totals")
    return int(found[1])


def make_counts(names: Sequence[str], totals: Sequence[int], requests: int) -> dict[str, Count]:
    """Return the counts of all sections.

    :param names: the section of each dump; a section has as many as there are rounds.
    :param totals: the instructions of each.
    :param requests: how many a dump is of.
    :raises ValueError: if there is not one dump for each name.
    """
    rounds: dict[str, list[float]] = {}
    for name, total in zip(names, totals, strict=True):
        rounds.setdefault(name, []).append(total / requests)
    unit = min(rounds[YARDSTICK])
    # The least: whatever else happens at times only adds to it.
    return {
        name: Count(min(found), min(found) / unit, (max(found) - min(found)) / min(found))
        for name, found in rounds.items()
    }


def command(folder: Path, requests: int, rounds: int, script: str = SCRIPT) -> list[str]:
    """Return what counts a script."""
    return [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={folder / 'dump'}",
        "--dump-before=getsid",
        *(sys.executable, "-m", script, str(requests), str(rounds)),
    ]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that the script has: always the same, but for where things are."""
    kept = ("PATH", "HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYENV_VERSION")
    return {
        **{name: variables[name] for name in kept if name in variables},
        # The order of a set of strings, and so what is looked at first, would differ.
        "PYTHONHASHSEED": "0",
    }


def count(requests: int = REQUESTS, rounds: int = ROUNDS, script: str = SCRIPT) -> dict[str, Count]:
    """Return the counts of all sections of a script, which is a module.

    :raises RuntimeError: if it fails under callgrind.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = subprocess.run(
            command(folder, requests, rounds, script),
            cwd=ROOT,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the script failed under callgrind:\n{done.stdout}{done.stderr}")
        names = json.loads(done.stdout)
        # The first dump is of all that comes before the first mark.
        dumps = {number: name for number, name in enumerate(names, 2) if name}
        totals = [read_dump((folder / f"dump.{number}").read_text("utf-8")) for number in dumps]
        return make_counts(list(dumps.values()), totals, requests)
