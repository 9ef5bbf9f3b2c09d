"""The harness, run shortly on servers of ours; and what it does with one that answers otherwise.

It needs wrk and taskset. Where CI runs they are installed, and the test that runs wrk fails without them;
elsewhere it is skipped without, and says so.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import checking, idle, measuring, results, running
from benchmarks.checking import WrongAnswerError
from benchmarks.http2 import __main__ as http2
from benchmarks.observed import shares
from benchmarks.running import Running
from benchmarks.servers import SERVERS
from benchmarks.sockets import __main__ as sockets
from benchmarks.workloads import WORKLOADS

HELLO = WORKLOADS["hello"]

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None and "CI" not in os.environ, reason="wrk is not installed"
)


@pytest.fixture
def free_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the harness keep to no core: tests run on all of them."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(running, "SERVER_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr("benchmarks.load.CLIENT_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr("benchmarks.options.keep_to_client_core", lambda: None)
    yield
    os.sched_setaffinity(0, cores)


@needs_wrk
@pytest.mark.usefixtures("free_cores")
def test_a_short_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    written = tmp_path / "run.json"
    drawn = tmp_path / "run.svg"
    chosen = ["--servers", "kyoukai,kyoukai-reference", "--workloads", "hello,start"]
    short = ["--rounds", "1", "--seconds", "1"]
    monkeypatch.setattr(
        "sys.argv", ["benchmarks", *chosen, *short, "--json", str(written), "--svg", str(drawn)]
    )
    command.main()
    printed = capsys.readouterr().out
    [found] = results.read(written).values()
    assert list(found["samples"]) == ["hello", "start"]
    for samples in found["samples"].values():
        assert list(samples) == ["kyoukai", "kyoukai-reference"]
        for sample in samples.values():
            assert all(value > 0 for value in sample[0].values())
    assert found["servers"]["kyoukai"]["versions"].keys() >= {"kyoukai", "werkzeug"}
    assert "hello: twelve bytes of text" in printed
    assert drawn.exists()


@pytest.mark.usefixtures("free_cores")
@pytest.mark.parametrize("routes", [0, 10])
def test_our_answers_are_right(routes: int) -> None:
    command.installation.make_file()
    workloads = [work for work in WORKLOADS.values() if work.routes == routes and not work.tls]
    assert len(workloads) > 1
    with running.serving(SERVERS["kyoukai"], workloads[0]) as server:
        for workload in workloads:
            checking.check(workload, server.port)


@pytest.mark.usefixtures("free_cores")
def test_our_answers_by_tls_are_right() -> None:
    command.installation.make_certificate()
    with running.serving(SERVERS["kyoukai"], WORKLOADS["tls"]) as server:
        checking.check(WORKLOADS["tls"], server.port)


@pytest.mark.usefixtures("free_cores")
def test_idle_connections_cost_something() -> None:
    workload = HELLO._replace(connections=300, kind="idle")
    with running.serving(SERVERS["kyoukai"], workload) as server:
        assert idle.measure(workload, server)["memory"] > 10


def test_connections_come_from_several_addresses() -> None:
    assert [idle.source(number) for number in (0, 2499, 2500, 9999)] == [
        *("127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.5"),
    ]


class Handler(BaseHTTPRequestHandler):
    """Answers hello; or otherwise, in the way that the path of its server says."""

    protocol_version = "HTTP/1.1"
    wrong = ""

    def do_GET(self) -> None:
        body = b"hello, world" if self.wrong != "body" else b"hello, there"
        self.send_response(200 if self.wrong != "status" else 203)
        self.send_header("Content-Type", f"text/plain{'' if self.wrong == 'type' else '; charset=utf-8'}")
        self.send_header("Content-Length", str(len(body)))
        if self.wrong == "close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server that answers in one way wrong."""
    handler = type("Handler", (Handler,), {"wrong": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answering", ["body", "status", "type", "close"], indirect=True)
def test_a_wrong_answer_is_found(answering: int) -> None:
    with pytest.raises(WrongAnswerError):
        checking.check(HELLO, answering)


@pytest.mark.parametrize("answering", [""], indirect=True)
def test_a_right_answer_passes(answering: int) -> None:
    checking.check(HELLO, answering)


def test_no_answer_is_wrong() -> None:
    with pytest.raises(WrongAnswerError, match="no answer"):
        checking.check(HELLO, running.free_port())


def test_a_server_that_does_not_start_is_told_with_what_it_wrote() -> None:
    server = SERVERS["kyoukai"]._replace(command="-c raise(SystemExit('no'))")
    with pytest.raises(RuntimeError, match=r"(?s)did not start.*no"), running.serving(server, HELLO):
        pass


def test_rounds_begin_with_each_server_in_turn() -> None:
    assert [measuring.order("abc", number)[0] for number in range(4)] == [*"abca"]
    assert sorted(measuring.order("abc", 1)) == [*"abc"]
    assert measuring.order([], 1) == []


def test_a_server_that_fails_has_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure(workload: Any, server: Any, seconds: int) -> dict[str, float]:
        asked.append(server.about)
        if server.about == "bad":
            raise RuntimeError("it broke")
        return {"cpu": 1.0}

    monkeypatch.setattr(measuring, "measure", measure)
    servers = {name: SERVERS["kyoukai"]._replace(about=name) for name in ("good", "bad", "better")}
    lines: list[str] = []
    samples, failures = measuring.measure_all({"hello": HELLO}, servers, 2, 1, lines.append)
    assert samples == {"hello": {"good": [{"cpu": 1.0}] * 2, "better": [{"cpu": 1.0}] * 2}}
    assert failures == ["hello: bad: RuntimeError: it broke"]
    assert asked == ["good", "bad", "better", "better", "good"]
    assert len(lines) == 5


def test_server_without_part_in_a_workload_is_not_measured() -> None:
    servers = {"kyoukai": SERVERS["kyoukai"], "flask": SERVERS["flask"]._replace(without={"hello": "why"})}
    assert measuring.asked("hello", HELLO, servers) == ["kyoukai"]
    assert measuring.asked("json", WORKLOADS["json"], servers) == ["kyoukai", "flask"]
    assert measuring.asked("routes-1", WORKLOADS["routes-1"], servers) == ["kyoukai"]


def test_the_options(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("shutil.which", lambda tool: tool)
    options = command.parse(["--servers", "uvicorn,kyoukai", "--workloads", "json"])
    assert (options.servers, options.workloads) == (["kyoukai", "uvicorn"], ["json"])
    assert (command.parse([]).servers, command.parse([]).workloads) == ([*SERVERS], [*WORKLOADS])
    for module in (command, sockets, http2):
        with pytest.raises(SystemExit):
            module.parse(["--servers", "kyoukia"])
        assert "no server is called kyoukia; there are kyoukai, " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.parse(["--base", "nobody"])
    assert "no server is called nobody" in capsys.readouterr().err
    assert [module.parse([]).seconds for module in (command, sockets, http2)] == [3, 3, 2]
    monkeypatch.setattr("shutil.which", lambda tool: None)
    for module, tool in ((command, "wrk"), (sockets, "taskset"), (http2, "h2load")):
        with pytest.raises(SystemExit):
            module.parse([])
        assert f"{tool} is not installed" in capsys.readouterr().err


def test_commands_of_servers() -> None:
    for server in SERVERS.values():
        words = running.arguments(server, WORKLOADS["tls"], 8123)
        assert sum("8123" in word for word in words) == 1
        assert any(word.endswith("certificate.pem") for word in words)
    assert "benchmarks.growing:app" in running.arguments(SERVERS["kyoukai"], WORKLOADS["routes-1"], 8123)
    assert Running._fields == ("process", "port", "started")


def test_share_of_metrics_comes_from_adjacent_periods():
    four = [(False, 1.0, 100), (True, 1.1, 100), (True, 2.2, 200), (False, 2.0, 200)]
    idle = [(False, 0.1, 1), *four[1:]]
    assert shares([*four, *idle, *four, (False, 1.0, 100)]) == pytest.approx([0.1, 0.1])
