"""The benchmark of applications of other interfaces: each server is found, checked and measured."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import installation, results, running
from benchmarks.checking import WrongAnswerError
from benchmarks.interfaces import __main__ as command
from benchmarks.interfaces.measuring import Fleet
from benchmarks.interfaces.servers import APPLICATIONS, ROWS, SERVERS, WORKLOADS

DOCS = Path(__file__).parents[2] / "docs"

OURS = ("kyoukai", "kyoukai-reference")


@pytest.fixture
def free_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure on all cores, and ours with what the tests' environment has."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(running, "SERVER_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr("benchmarks.load.CLIENT_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr("benchmarks.options.keep_to_client_core", lambda: None)
    monkeypatch.setattr("benchmarks.interfaces.measuring.WARMUP", 1)
    monkeypatch.setattr(installation, "PYTHON", running.sys.executable)
    monkeypatch.setattr(installation, "make_peers", lambda: None)
    monkeypatch.setattr(installation, "install_ours", lambda: None)
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.usefixtures("free_cores")
def test_a_bare_callable_is_measured_on_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if shutil.which("wrk") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("wrk is not installed")
    written = tmp_path / "run.json"
    words = ["--applications", "asgi", "--servers", ",".join(OURS), "--workloads", "post", "--rounds", "1"]
    monkeypatch.setattr("sys.argv", ["interfaces", *words, "--json", str(written)])
    command.main()
    found = results.read(written)["asgi"]
    assert list(found["samples"]["post"]) == [*OURS]
    for samples in found["samples"]["post"].values():
        assert all(value > 0 for name, value in samples[0].items() if name in ("rate", "p50", "p99"))
    assert "post: 1 KiB of JSON posted" in capsys.readouterr().out


@pytest.mark.usefixtures("free_cores")
def test_a_server_that_answers_otherwise_is_not_measured() -> None:
    wrong = WORKLOADS["hello"]._replace(answer=b"bye")
    with Fleet() as fleet, pytest.raises(WrongAnswerError, match="GET / was answered with"):
        fleet.measure(wrong, SERVERS["kyoukai"], 1)


def test_servers_of_each_application() -> None:
    assert list(WORKLOADS) == [*ROWS]
    for application, servers in APPLICATIONS.items():
        assert set(servers) <= set(SERVERS)
        assert "kyoukai" in servers
        commands = [server.command for server in servers.values()]
        assert len(set(commands)) == len(commands), application
        for server in servers.values():
            assert sum("8123" in word for word in running.arguments(server, WORKLOADS["hello"], 8123)) == 1
            assert not server.ours


def test_options(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("shutil.which", lambda tool: tool)
    assert command.parse(["--applications", "flask,asgi"]).applications == ["asgi", "flask"]
    with pytest.raises(SystemExit):
        command.parse(["--applications", "bottle"])
    assert "no application is called bottle; there are asgi, " in capsys.readouterr().err


def test_the_page_is_of_a_run_of_all() -> None:
    runs = json.loads((DOCS / "performance" / "interfaces.json").read_text("utf-8"))
    assert list(runs) == list(APPLICATIONS)
    page = (DOCS / "explanation" / "performance.md").read_text("utf-8")
    for application, servers in APPLICATIONS.items():
        run = runs[application]
        assert run["date"] in page
        for name, server in servers.items():
            assert run["servers"][name]["command"] == server.command, (application, name)
        for name in ROWS:
            asked = {server for server in servers if name not in servers[server].without}
            assert set(run["samples"][name]) == asked, (application, name)
