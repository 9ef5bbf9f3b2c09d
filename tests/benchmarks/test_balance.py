"""How evenly workers share connections is measured on real ones."""

import re
from collections import Counter

import pytest

from benchmarks import balance


def test_what_is_counted_is_compared_with_the_mean_of_all_workers() -> None:
    assert balance.unevenness(Counter(a=5, b=3, c=2, d=2)) == pytest.approx(5 / 3)
    # One that has answered nothing is no name that could be counted.
    assert balance.unevenness(Counter(a=6)) == 4


@pytest.mark.parametrize(("bound", "status"), [(4.0, 0), (0.5, 1)])
def test_each_load_is_measured_and_held_against_the_bound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bound: float, status: int
) -> None:
    monkeypatch.setattr(balance, "CONNECTIONS", 8)
    monkeypatch.setattr(balance, "BOUND", bound)
    arguments = ["balance", "--rounds", "1", "--seconds", "0.2", "--rate", "20"]
    monkeypatch.setattr("sys.argv", arguments)
    assert balance.main() == status
    _, paced, fast = capsys.readouterr().out.splitlines()
    figures = r"connections \d\.\d\d, requests \d\.\d\d \([\d,]+ a second\)"
    assert re.fullmatch(f"20 requests a second each: {figures}", paced)
    assert re.fullmatch(f"as fast as they are answered: {figures}", fast)
