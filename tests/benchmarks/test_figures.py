"""Medians, spreads and ratios, and how they are shown."""

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import figures, plot, report, results
from benchmarks.figures import Figure
from benchmarks.servers import SERVERS
from benchmarks.workloads import WORKLOADS


def sample(cpu: float, rate: float = 1000.0) -> dict[str, float]:
    return {"cpu": cpu, "rate": rate, "memory": 30.0}


def run(**samples: Any) -> results.Results:
    servers = dict.fromkeys(name for workload in samples.values() for name in workload)
    return {
        "date": "2026-01-02",
        "machine": {"processor": "a fast one", "python": "CPython 3.11.7"},
        "rounds": 3,
        "seconds": 2,
        "base": "kyoukai",
        "workloads": {name: WORKLOADS[name].about for name in samples},
        "servers": {name: {"about": name, "command": "", "versions": {}} for name in servers},
        "without": {name: {} for name in samples},
        "samples": samples,
    }


TWO = run(
    hello={
        "kyoukai": [sample(20.0), sample(22.0), sample(21.0)],
        "uvicorn": [sample(42.0), sample(40.0), sample(63.0)],
    }
)


def test_the_median_and_its_spread() -> None:
    assert figures.figure([4.0]) == Figure(4.0, 0.0)
    assert figures.figure([10.0, 9.0, 12.0]) == Figure(10.0, 0.15)
    assert figures.figure([1.0, 3.0]) == Figure(2.0, 0.5)
    assert figures.figure([0.0]) == Figure(0.0, 0.0)
    with pytest.raises(ValueError, match="no rounds"):
        figures.figure([])


def test_ratios_are_the_medians_of_the_rounds_own() -> None:
    # The machine is half as fast in the second round, and for all alike.
    found = {
        "kyoukai": [sample(20.0), sample(40.0), sample(20.0)],
        "uvicorn": [sample(40.0), sample(80.0), sample(70.0)],
    }
    assert figures.ratios(found, "kyoukai") == {"kyoukai": 1.0, "uvicorn": 2.0}
    assert figures.ratios(found, "uvicorn") == {"kyoukai": 0.5, "uvicorn": 1.0}
    assert figures.ratios(found, "granian") == {}


@pytest.mark.parametrize("name", figures.KEYS)
def test_compared_figures(name: str) -> None:
    assert figures.key({"memory": 1.0, name: 2.0}) == name


def test_the_table() -> None:
    assert list(report.lines(TWO)) == [
        "2026-01-02: processor a fast one, python CPython 3.11.7",
        "medians of 3 rounds of 2 s, ± half of their range; ratio: cost of the server / cost of kyoukai"
        " in the same round, the median of them",
        "",
        "hello: twelve bytes of text",
        "  server   ratio  CPU us          requests/s   MiB",
        "  kyoukai   1.00    21.0   ±4.8%       1,000  30.0",
        "  uvicorn   2.10    42.0  ±27.4%       1,000  30.0",
    ]


def test_missing_measurement_is_reported() -> None:
    found = run(hello={"kyoukai": [sample(20.0)]})
    found["without"]["hello"] = {"flask": "it cannot"}
    assert list(report.lines(found))[-1] == "  flask: not asked: it cannot"


def test_the_plot_has_every_ratio(tmp_path: Path) -> None:
    slow = {"kyoukai": [sample(20.0)], "quart": [sample(500.0)], "aiohttp": [sample(27.0)]}
    found = run(hello=slow, json={"kyoukai": [sample(25.0)], "quart": [sample(600.0)]})
    assert plot.series(found) == (["hello", "json"], {"kyoukai": [1.0, 1.0], "aiohttp": [1.35, None]})
    plot.draw(found, tmp_path / "plot.svg")
    first = (tmp_path / "plot.svg").read_text("utf-8")
    texts = {"".join(element.itertext()) for element in ElementTree.fromstring(first).iter()}
    assert {"hello", "json", "kyoukai", "aiohttp", "1.35"} <= texts
    assert "<script" not in first
    assert "quart" not in first
    plot.draw(found, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text("utf-8") == first
    assert all(type(finder).__module__ != "pygal" for finder in sys.meta_path)


def test_results_are_written_and_read(tmp_path: Path) -> None:
    results.write(tmp_path / "run.json", {"3.11": TWO})
    assert results.read(tmp_path / "run.json") == {"3.11": TWO}
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["3.11"]["date"] == "2026-01-02"


def test_runs_of_several_pythons_stand_side_by_side() -> None:
    older = {**TWO, "machine": {"processor": "another", "python": "CPython 3.9.1"}}
    newer = {**TWO, "rounds": 5, "machine": {"processor": "another", "python": "CPython 3.13.0"}}
    runs = results.added(results.added(results.added({}, newer), TWO), older)
    assert runs == {"3.9": older, "3.11": TWO, "3.13": newer}
    assert list(runs) == ["3.9", "3.11", "3.13"]
    # What is measured again is merged with what there is of the same Python, and of no other.
    again = run(browser={"kyoukai": [sample(30.0)]})
    found = results.added(runs, again)
    assert found == {**runs, "3.11": results.merge(TWO, again)}
    assert list(found["3.11"]["samples"]) == ["hello", "browser"]


def test_digits_that_mean_nothing_are_not_kept() -> None:
    assert results.rounded({"hello": {"kyoukai": [{"cpu": 12.345678, "rate": 123456.0}]}}) == {
        "hello": {"kyoukai": [{"cpu": 12.346, "rate": 123460.0}]}
    }


def test_runs_are_merged() -> None:
    new = run(browser={"kyoukai": [sample(30.0)]}, hello={"kyoukai": [sample(19.0)], "floor": [sample(5.0)]})
    merged = results.merge(TWO, new)
    assert list(merged["workloads"]) == ["hello", "browser"]
    assert list(merged["servers"]) == ["kyoukai", "uvicorn", "floor"]
    assert merged["samples"]["hello"] == {**TWO["samples"]["hello"], **new["samples"]["hello"]}
    assert merged["samples"]["browser"] == new["samples"]["browser"]


@pytest.mark.parametrize("name", ["machine", "rounds", "seconds", "base"])
def test_runs_that_differ_are_not_merged(name: str) -> None:
    with pytest.raises(ValueError, match=f"another {name}"):
        results.merge(TWO, {**TWO, name: "another"})


def test_the_processor_is_named() -> None:
    assert (
        results.cpu_model("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nprocessor\t: 1\n") == "A CPU @ 2 GHz"
    )
    assert results.cpu_model("") != ""


def test_servers_and_workloads_go_together() -> None:
    for workload in WORKLOADS.values():
        assert set(workload.servers) <= set(SERVERS)
    for server in SERVERS.values():
        assert set(server.without) <= set(WORKLOADS)
