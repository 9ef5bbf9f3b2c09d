"""The baseline, and what comes of comparing with it."""

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from benchmarks.guard.counting import Count
from benchmarks.guard.script import YARDSTICK
from benchmarks.report import aligned

BASELINE: Final = Path(__file__).resolve().parent.parent / "baseline.json"

TOLERANCE: Final = 0.03
"""By how much a ratio may be above that of the baseline: another build of Python is no more than this."""

REPEATABLE: Final = 0.01
"""By how much the rounds of one run may differ; they do by a hundredth of that."""

DISTRIBUTIONS: Final = ("asphalt", "httptools", "uvloop", "werkzeug")

Entry = dict[str, Any]
"""The baseline of one minor version of Python."""


def python() -> str:
    """Return the minor version of this Python, by which the baseline has its entries."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def versions() -> dict[str, str]:
    """Return the versions of what is counted along with ours."""
    return {name: metadata.version(name) for name in DISTRIBUTIONS}


def make_entry(counts: Mapping[str, Count], versions: Mapping[str, str]) -> Entry:
    """Return counts as an entry of the baseline."""
    return {
        "versions": dict(versions),
        "instructions": {name: round(count.instructions) for name, count in counts.items()},
        "ratios": {name: round(count.ratio, 4) for name, count in counts.items() if name != YARDSTICK},
    }


def read(path: Path = BASELINE) -> dict[str, Entry]:
    """Return the baseline of all versions of Python."""
    found: dict[str, Entry] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def write(entries: Mapping[str, Entry], path: Path = BASELINE) -> None:
    """Write the baseline."""
    ordered = dict(sorted(entries.items(), key=lambda entry: [int(part) for part in entry[0].split(".")]))
    path.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


def changes(counts: Mapping[str, Count], entry: Entry) -> dict[str, float]:
    """Return by what part of the baseline each ratio is above it.

    :raises ValueError: if the baseline is of other sections.
    """
    ratios = {name: count.ratio for name, count in counts.items() if name != YARDSTICK}
    if ratios.keys() != entry["ratios"].keys():
        raise ValueError("the baseline is of other requests; write it anew with --update")
    return {name: ratio / entry["ratios"][name] - 1 for name, ratio in ratios.items()}


def table(counts: Mapping[str, Count], entry: Entry | None) -> Iterator[str]:
    """Yield the lines of a table of all sections."""
    change = changes(counts, entry) if entry else {}
    rows = [["a request of", "instructions", "ratio", "baseline", "change", "spread"]]
    for name, found in counts.items():
        baseline = f"{entry['ratios'][name]:.4f}" if entry and name in change else ""
        moved = f"{change[name]:+.2%}" if name in change else ""
        rows.append(
            [name, f"{found.instructions:,.0f}", f"{found.ratio:.4f}", baseline, moved, f"{found.spread:.3%}"]
        )
    return aligned(rows)


def judge(
    counts: Mapping[str, Count], entry: Entry, versions: Mapping[str, str], tolerance: float = TOLERANCE
) -> tuple[list[str], list[str]]:
    """Return what is wrong, and what is worth saying besides."""
    wrong, said = [], []
    for name, found in counts.items():
        if found.spread > REPEATABLE:
            wrong.append(f"{name}: two rounds differ by {found.spread:.1%}: this cannot be compared")
    for name, change in changes(counts, entry).items():
        if change > tolerance:
            wrong.append(f"{name}: {change:.1%} more instructions than the baseline")
        elif change < -tolerance:
            said.append(f"{name}: {-change:.1%} fewer instructions; keep it so with --update")
    for name, version in versions.items():
        if version != entry["versions"].get(name):
            said.append(f"{name} is {version} here, and {entry['versions'].get(name)} in the baseline")
    return wrong, said
