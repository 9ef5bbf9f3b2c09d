"""What a second worker is worth is worked out, and /livez is asked while every worker is blocked."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import workers
from benchmarks.accounting import Times


def test_livez_is_asked_while_all_are_blocked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["workers", "--rounds", "0", "--asks", "3"])
    workers.main()
    assert capsys.readouterr().out.startswith(
        "/livez while the loops of all 2 workers are blocked, 3 times: "
    )


@pytest.mark.parametrize(("cost", "times", "is_worth"), [(11.0, "1.82", True), (12.0, "1.67", False)])
def test_efficiency_of_two_workers(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cost: float,
    times: str,
    is_worth: bool,
) -> None:
    used, serves = [0.0], [1]

    @contextlib.contextmanager
    def serving(backend: str, target: str, count: int) -> Iterator[Any]:
        serves[0] = count
        yield SimpleNamespace(pid=1)

    def run(*arguments: object) -> Any:
        used[0] += 1000 * (cost if serves[0] == 2 else 10.0) / 1e6
        return SimpleNamespace(requests=1000)

    monkeypatch.setattr(workers, "serving", serving)
    monkeypatch.setattr(workers, "port", lambda served: 1)
    monkeypatch.setattr(workers.load, "run", run)
    # Half of it in the system.
    monkeypatch.setattr(workers.accounting, "cpu_times", lambda pid: Times(used[0] / 2, used[0] / 2))
    assert workers.compare("httptools", 2, 1) is is_worth
    assert f"answer {times} times as many, of 1.8 wanted" in capsys.readouterr().out
