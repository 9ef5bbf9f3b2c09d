"""The guard: how counts are read and judged. CI counts; here, only one section of it is run."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.guard import baseline, counting, script
from benchmarks.guard.counting import Count

VERSIONS = {"httptools": "1.0"}


def counts(*ratios: float, spread: float = 0.0) -> dict[str, Count]:
    names = ("httptools, hello", "reference, hello")
    found = {"yardstick": Count(1000.0, 1.0, 0.0)}
    return found | {
        name: Count(1000 * ratio, ratio, spread) for name, ratio in zip(names, ratios, strict=True)
    }


ENTRY = baseline.make_entry(counts(2.0, 3.0), VERSIONS)


def test_a_dump_is_read() -> None:
    assert counting.read_dump("version: 1\nevents: Ir\nsummary: 7\n\nfn=(1)\n1 7\n\ntotals: 1234\n") == 1234
    with pytest.raises(ValueError, match="no totals"):
        counting.read_dump("events: Ir\n")


def test_counts_are_the_least_of_their_rounds() -> None:
    found = counting.make_counts(
        ["yardstick", "yardstick", "hello", "hello"], [1000, 1010, 2200, 2000], requests=10
    )
    assert found["yardstick"] == pytest.approx(Count(100.0, 1.0, 0.01))
    assert found["hello"] == pytest.approx(Count(200.0, 2.0, 0.1))
    with pytest.raises(ValueError, match="zip"):
        counting.make_counts(["yardstick"], [], 10)


@pytest.mark.parametrize(
    ("ratios", "wrong", "said"),
    [
        ((2.0, 3.0), [], []),
        ((2.05, 2.95), [], []),
        ((2.07, 3.0), ["httptools, hello: 3.5% more"], []),
        ((2.0, 2.7), [], ["reference, hello: 10.0% fewer"]),
    ],
)
def test_a_count_above_the_baseline_fails(
    ratios: tuple[float, ...], wrong: list[str], said: list[str]
) -> None:
    found_wrong, found_said = baseline.judge(counts(*ratios), ENTRY, VERSIONS)
    for found, expected in ((found_wrong, wrong), (found_said, said)):
        assert len(found) == len(expected)
        assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))


def test_other_versions_are_said() -> None:
    wrong, said = baseline.judge(counts(2.0, 3.0), ENTRY, {"httptools": "1.1"})
    assert (wrong, said) == ([], ["httptools is 1.1 here, and 1.0 in the baseline"])


def test_unrepeatable_count_fails() -> None:
    wrong, _ = baseline.judge(counts(2.0, 3.0, spread=0.02), ENTRY, VERSIONS)
    assert len(wrong) == 2


def test_other_sections_are_an_error() -> None:
    with pytest.raises(ValueError, match="--update"):
        baseline.changes({"yardstick": Count(1.0, 1.0, 0.0)}, ENTRY)


def test_the_table() -> None:
    assert list(baseline.table(counts(2.1, 3.0), ENTRY)) == [
        "a request of      instructions   ratio  baseline  change  spread",
        "yardstick                1,000  1.0000                    0.000%",
        "httptools, hello         2,100  2.1000    2.0000  +5.00%  0.000%",
        "reference, hello         3,000  3.0000    3.0000  +0.00%  0.000%",
    ]
    assert len(list(baseline.table(counts(2.1, 3.0), None))) == 4


def test_the_baseline_is_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    assert baseline.read(path) == {}
    baseline.write({"3.12": ENTRY, "3.9": ENTRY, "3.11": ENTRY}, path)
    assert list(json.loads(path.read_text("utf-8"))) == ["3.9", "3.11", "3.12"]
    assert baseline.read(path)["3.11"] == ENTRY


def test_baseline_matches_the_counted_workloads() -> None:
    requests = [*script.REQUESTS, script.HOSTED]
    sections = {f"{backend}, {name}" for backend in script.BACKENDS for name in requests}
    entries = baseline.read()
    assert {"3.11", "3.12", "3.13"} <= entries.keys()
    for entry in entries.values():
        assert entry["ratios"].keys() == sections
        assert entry["versions"].keys() == set(baseline.DISTRIBUTIONS)


def test_the_script_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    marks: list[None] = []
    monkeypatch.setattr(script, "mark", lambda: marks.append(None))
    # It would be for the rest of the tests.
    monkeypatch.setattr(script.gc, "freeze", lambda: None)
    names = asyncio.run(script.run(2, 2))
    assert len(names) == len(marks) == 3 * (1 + len(script.BACKENDS) * (len(script.REQUESTS) + 1))
    assert names[:6] == ["yardstick", "yardstick", "", "httptools, hello", "httptools, hello", ""]


def test_invalid_answer_is_an_error() -> None:
    class Protocol(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            transport.write(b"HTTP/1.1 404 Not Found\r\n\r\n")

    transport = script.Transport()
    with pytest.raises(RuntimeError, match="404"):
        asyncio.run(script.ask(Protocol(), transport, b"", 1))


def test_the_command(tmp_path: Path) -> None:
    command: Any = counting.command(tmp_path, 10, 2)
    assert command[:2] == ["valgrind", "--tool=callgrind"]
    assert command[-5:] == [sys.executable, "-m", "benchmarks.guard.script", "10", "2"]
    assert counting.environment({"PATH": "/bin", "LANG": "C"}) == {"PATH": "/bin", "PYTHONHASHSEED": "0"}
