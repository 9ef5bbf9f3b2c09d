"""The benchmark of HTTP/2: what h2load says is read, and that each server of ours is measured by it."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from benchmarks import installation, results, running
from benchmarks.checking import WrongAnswerError
from benchmarks.http2 import bystander, frames, load, losses, measuring
from benchmarks.http2.attacks import ATTACKS
from benchmarks.http2.offender import Keeping, connected
from benchmarks.http2.servers import SERVERS, WORKLOADS
from benchmarks.load import LoadError

DOCS = Path(__file__).parents[2] / "docs"

HELLO = WORKLOADS["1x1"]._replace(requests=20, connections=2, streams=5)

OUTPUT = """starting benchmark...
spawning thread #0: 2 total client(s). 20 total requests
Application protocol: h2c

finished in 5.10ms, 3921.57 req/s, 130.00KB/s
requests: 20 total, 20 started, 20 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {succeeded} 2xx, 0 3xx, {failed} 4xx, 0 5xx
traffic: 1.20KB (1230) total, 400B (400) headers (space savings 50.00%), {data}B ({data}) data
                     min         max         mean         sd        +/- sd
time for request:      100us      2.00ms       500us       100us    80.00%
"""


def test_output_is_read() -> None:
    assert load.read_output(OUTPUT.format(succeeded=20, failed=0, data=240), HELLO) == pytest.approx(0.0051)
    log = "".join(f"1000\t200\t{number}000\n" for number in range(1, 101))
    p50, p99 = load.read_log(log)
    assert (round(p50), round(p99)) == (50, 100)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "no result"),
        (OUTPUT.format(succeeded=19, failed=1, data=240), "not every request"),
        (OUTPUT.format(succeeded=20, failed=0, data=241), "not of 12 bytes"),
    ],
)
def test_run_with_errors_is_discarded(output: str, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        load.read_output(output, HELLO)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure on all cores: tests run on all of them."""
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(running, "SERVER_CORE", f"{min(cores)}-{max(cores)}")
    monkeypatch.setattr(load, "CLIENT_CORE", f"{min(cores)}-{max(cores)}")
    # The floor needs nothing but what the tests' environment has.
    monkeypatch.setattr(installation, "PYTHON", running.sys.executable)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["kyoukai", "floor"])
def test_servers_are_measured(name: str) -> None:
    if shutil.which("h2load") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("h2load is not installed")
    for workload in (
        HELLO,
        *(WORKLOADS[name]._replace(requests=4) for name in ("upload-100", "download-100")),
    ):
        sample = measuring.measure(workload, SERVERS[name], 0)
        assert sample.keys() == {"cpu", "user", "system", "rate", "p50", "p99", "memory"}
        assert all(sample[measure] > 0 for measure in ("rate", "p50", "p99", "memory"))


@pytest.mark.usefixtures("short")
def test_a_server_that_answers_otherwise_is_not_measured() -> None:
    with pytest.raises(WrongAnswerError, match=r"GET / was answered with \('HTTP/2', 200, "):
        measuring.measure(HELLO._replace(answer=b"bye"), SERVERS["floor"], 0)


@pytest.mark.usefixtures("short")
def test_a_bystander_and_an_offender(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bystander, "keep_to_client_core", lambda: None)
    monkeypatch.setattr("sys.argv", ["bystander", "--attacks", "pings,settings", "--seconds", "0"])
    # How long others wait is not asserted: it is the machine's affair, too.
    bystander.main()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("settings: p50 ")
    assert second.startswith("pings: p50 ")
    for line in (first, second):
        assert re.search(rf"; \d+ times GOAWAY {frames.ENHANCE_YOUR_CALM:#x}, closed", line)


def test_losses_of_reloads(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["losses", "--hups", "1", "--upgrades", "0", "--rate", "400"])
    assert losses.main() == 0
    reloads, counted = capsys.readouterr().out.splitlines()
    assert "; 0 failed, 0 of them reset; " in reloads
    assert counted.startswith("    /metrics has counted ")


def test_losses_are_counted() -> None:
    async def run() -> losses.StreamsLoad:
        async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(len(frames.PREFACE))
            # One is refused, one has another answer, and then there is nothing more.
            writer.write(frames.settings())
            writer.write(frames.frame(frames.RST_STREAM, 0, 1, frames.REFUSED_STREAM.to_bytes(4)))
            writer.write(frames.frame(frames.DATA, frames.END_STREAM, 3, b"no"))
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
            found = losses.StreamsLoad(server.sockets[0].getsockname()[1])
            async with connected(Keeping, found.port) as client:
                await found.batch(client, 0)
            return found

    found = asyncio.run(run())
    assert (found.again, found.answered) == (1, 0)
    assert found.failures.total() == losses.AT_ONCE - 1


def test_workloads_and_servers_have_to_do_with_each_other() -> None:
    for server in SERVERS.values():
        assert set(server.without) <= set(WORKLOADS)
    assert all(attack.__doc__ for attack in ATTACKS.values())


def test_the_page_is_of_a_run_of_all() -> None:
    [run] = results.read(DOCS / "performance" / "http2.json").values()
    assert list(run["servers"]) == list(SERVERS)
    for name, server in SERVERS.items():
        assert run["servers"][name]["command"] == server.command, name
    for name in WORKLOADS:
        assert list(run["samples"][name]) == list(SERVERS)
    assert run["date"] in (DOCS / "explanation" / "performance.md").read_text("utf-8")
