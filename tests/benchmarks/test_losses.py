"""What clients lose is measured, shortly; and what is lost is seen."""

import asyncio
from typing import Any

import pytest

from benchmarks import losses
from benchmarks.losses import Load, describe


def test_the_three_proofs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        "sys.argv", ["losses", "--hups", "1", "--upgrades", "1", "--kills", "1", "--rate", "200"]
    )
    assert losses.main() == 0
    reloads, counted, upgrades, recounted, kills, *_, lost = capsys.readouterr().out.splitlines()
    for line, what in ((reloads, "1 reloads"), (upgrades, "1 upgrades"), (kills, "1 workers killed")):
        assert line.startswith(f"{what} in ")
    assert "; 0 failed, 0 of them reset; " in reloads
    assert "; 0 failed, 0 of them reset; " in upgrades
    assert counted.startswith("    /metrics has counted ")
    assert recounted.startswith("    /metrics has counted ")
    assert lost.startswith("    lost, begun by the worker that was killed: ")
    assert lost.endswith("lost otherwise: 0")


@pytest.mark.parametrize(
    ("answer", "reset", "failure"),
    [
        (b"", 1, "IncompleteReadError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 1, "IncompleteReadError"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 0, "ValueError"),
    ],
    ids=["none", "half", "error"],
)
def test_failures_are_counted(answer: bytes, reset: int, failure: str) -> None:
    async def run() -> Load:
        async def respond(reader: Any, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
            load = Load(server.sockets[0].getsockname()[1])
            async with load.loading():
                while not load.failures:  # noqa: ASYNC110 - It is counted, not signalled.
                    await asyncio.sleep(0.01)
            return load

    load = asyncio.run(run())
    assert load.answered == 0
    assert {name.partition(":")[0] for name in load.failures} == {failure}
    assert load.reset == reset * load.failures.total()
    assert f"; {load.failures.total()} failed, {load.reset} of them reset; " in describe("1 try", load, 1)
