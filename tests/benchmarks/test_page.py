"""The page shows what the committed run measured; `tests/test_docs.py` holds its tables to it."""

import copy
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import plot, results
from benchmarks.servers import SERVERS

DOCS = Path(__file__).parent.parent.parent / "docs"
RUNS = results.read(DOCS / "performance" / "results.json")
# The first is of all servers and workloads, and the plot is of it.
RESULTS = next(iter(RUNS.values()))
PAGE = (DOCS / "explanation" / "performance.md").read_text("utf-8")


def test_the_plot_is_of_the_run() -> None:
    shown, rows = plot.series(RESULTS)
    root = ElementTree.parse(DOCS / "performance" / "ratios.svg").getroot()
    texts = {"".join(element.itertext()) for element in root.iter()}
    assert {*shown, *rows} <= texts
    assert {f"{value:.2f}" for row in rows.values() for value in row if value is not None} <= texts


def test_every_server_was_measured() -> None:
    assert list(RESULTS["servers"]) == list(SERVERS)
    assert list(RESULTS["samples"]["hello"]) == list(SERVERS)
    for name, server in SERVERS.items():
        assert RESULTS["servers"][name]["command"] == server.command, name
        assert f"| `{name}` |" in PAGE


def test_the_page_says_when_and_where() -> None:
    for version, run in RUNS.items():
        assert results.python(run) == version
        assert run["date"] in PAGE
        assert run["machine"]["processor"] in PAGE


def test_the_tables_have_each_python_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = runpy.run_path(str(DOCS / "measured.py"))
    newer = copy.deepcopy(RESULTS)
    newer["date"], newer["machine"]["python"] = "2027-01-01", "CPython 3.99.0"
    # Of the other Python there is less.
    newer["samples"] = {"hello": {name: RESULTS["samples"]["hello"][name] for name in ("kyoukai", "uvicorn")}}
    monkeypatch.setitem(measured["run"].__globals__, "RUNS", {"3.11": RESULTS, "3.99": newer})

    def rows(name: str) -> list[list[str]]:
        header, found = measured["TABLES"][f"performance-{name}"]()
        return [list(header), *([str(cell) for cell in row] for row in found)]

    assert rows("run")[:2] == [["", "Python 3.11", "Python 3.99"], ["date", RESULTS["date"], "2027-01-01"]]
    ours, ours_newer, reference, uvicorn, uvicorn_newer, *_ = rows("small")[1:]
    assert [row[:2] for row in (ours, ours_newer, reference, uvicorn, uvicorn_newer)] == [
        ["`kyoukai`", "3.11"],
        ["`kyoukai`", "3.99"],
        ["`kyoukai-reference`", "3.11"],
        ["`uvicorn`", "3.11"],
        ["`uvicorn`", "3.99"],
    ]
    assert uvicorn_newer[2] == uvicorn[2]
    assert {*uvicorn_newer[3:]} == {"-"}
    assert [row[1] for row in rows("hello")[1:3]] == ["3.11", "3.99"]
    assert {row[1] for row in rows("upload")[1:]} == {"3.11"}
    assert rows("growth")[0] == ["asked for", "CPU us, Python 3.11"]
    assert len(rows("servers")) == len(SERVERS) + 1
