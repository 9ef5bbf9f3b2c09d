"""The benchmark of WebSockets: what its clients send, and that each kind measures a server."""

import os
from pathlib import Path

import pytest

from benchmarks import results, running
from benchmarks.sockets import measuring
from benchmarks.sockets.client import deflated, frame, head_size, text
from benchmarks.sockets.servers import SERVERS, WORKLOADS, Workload
from kyoukai.websocket.frame_reader import FrameReader
from kyoukai.websocket.frame_writer import frame_head
from kyoukai.websocket.handshake import PerMessageDeflate


@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("compressed", [False, True])
def test_frames_are_read_as_they_were_meant(size: int, compressed: bool) -> None:
    payload = text(size)
    assert len(payload) == size
    reader = FrameReader(10**6, 10**6, PerMessageDeflate(False, False, 9, 9))
    reader.feed(frame(deflated(payload) if compressed else payload, compressed=compressed))
    assert reader.read() == payload.decode()
    assert head_size(size) == len(frame_head(1, size))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure shortly, on all cores: tests run on all of them."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(running, "SERVER_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr(measuring, "WARMUP", 0.1)
    monkeypatch.setattr(measuring, "FIRST", 2)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("kind", "measures"),
    [
        ("echo", {"cpu", "user", "system", "rate"}),
        ("broadcast", {"cpu", "user", "system", "rate"}),
        ("idle", {"kib", "memory"}),
        ("drain", {"drain"}),
    ],
)
def test_each_kind_measures_ours(kind: str, measures: set[str]) -> None:
    workload = Workload("a few", kind, connections=3, compressed=kind == "idle")
    sample = measuring.measure(workload, SERVERS["kyoukai"], 1)
    assert sample.keys() == measures
    assert all(value > 0 for name, value in sample.items() if name in ("rate", "memory", "drain"))


@pytest.mark.usefixtures("short")
def test_a_server_that_answers_otherwise_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "Echoing", lambda path, payload: measuring.Client("/nowhere"))
    with pytest.raises(RuntimeError, match=r"the handshake was answered with b'HTTP/1\.1 404"):
        measuring.measure(Workload("one", "echo", connections=1), SERVERS["kyoukai"], 1)


def test_workloads_and_servers_have_to_do_with_each_other() -> None:
    for workload in WORKLOADS.values():
        assert set(workload.servers) <= set(SERVERS)
        assert workload.kind in measuring.MEASURES
    for server in SERVERS.values():
        assert set(server.without) <= set(WORKLOADS)


def test_the_page_is_of_a_run_of_all() -> None:
    docs = Path(__file__).parents[2] / "docs"
    [run] = results.read(docs / "performance" / "sockets.json").values()
    assert list(run["servers"]) == list(SERVERS)
    for name, server in SERVERS.items():
        assert run["servers"][name]["command"] == server.command, name
    for name, workload in WORKLOADS.items():
        asked = [server for server in workload.servers or SERVERS if name not in SERVERS[server].without]
        assert list(run["samples"][name]) == asked
    assert run["date"] in (docs / "how-to" / "websockets.md").read_text("utf-8")
