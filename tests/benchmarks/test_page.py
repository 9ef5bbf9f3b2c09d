"""The page shows what the committed run measured; `tests/test_docs.py` holds its tables to it."""

from pathlib import Path
from xml.etree import ElementTree

from benchmarks import plot, results
from benchmarks.servers import SERVERS

DOCS = Path(__file__).parent.parent.parent / "docs"
RESULTS = results.read(DOCS / "performance" / "results.json")
PAGE = (DOCS / "performance.md").read_text("utf-8")


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
    assert RESULTS["date"] in PAGE
    assert RESULTS["machine"]["processor"] in PAGE
